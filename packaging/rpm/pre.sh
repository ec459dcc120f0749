# The line of sysusers.d/emqx-rs.conf, which is not there yet.
echo 'u emqx-rs - "emqx-rs MQTT broker" /var/lib/emqx-rs' | systemd-sysusers --replace=/usr/lib/sysusers.d/emqx-rs.conf -
