if [ -d /run/systemd/system ]; then
    systemctl daemon-reload >/dev/null 2>&1 || :
    # The script of the version which goes, with the files of the one that comes: an older one may not have what it asks.
    ask=/usr/lib/emqx-rs/may-restart
    if [ "$1" -ge 1 ] && { [ ! -x $ask ] || $ask; }; then
        systemctl try-restart emqx-rs.service >/dev/null 2>&1 || :
    fi
fi
