systemd-tmpfiles --create emqx-rs.conf || :
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 || :
fi
if [ "$1" -eq 1 ]; then
    /usr/lib/emqx-rs/cookie || :
    systemctl preset emqx-rs.service >/dev/null 2>&1 || :
fi
