getent group emqx-rs >/dev/null || groupadd --system emqx-rs
getent passwd emqx-rs >/dev/null || useradd --system --gid emqx-rs --home-dir /var/lib/emqx-rs --no-create-home \
    --shell /usr/sbin/nologin --comment 'emqx-rs MQTT broker' emqx-rs
