if [ "$1" -eq 0 ]; then
    if [ -d /run/systemd/system ]; then
        systemctl --no-reload disable --now emqx-rs.socket emqx-rs.service >/dev/null 2>&1 || :
    else
        systemctl --no-reload disable emqx-rs.socket emqx-rs.service >/dev/null 2>&1 || :
    fi
fi
