if [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 || :
    # That of the version which goes: the files of the new one are in place.
    if [ "$1" -ge 1 ] && /usr/lib/emqx-rs/may-restart; then
        systemctl try-restart emqx-rs.service >/dev/null 2>&1 || :
    fi
fi
