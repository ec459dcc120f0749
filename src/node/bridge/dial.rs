//! Connects to the remote of a bridge, over TCP or TLS. Every fault says what to do about it.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{Settings, Tls, ends::Wire};
use crate::node::{discovery::Hosts, tls};

/// TCP has so long for each address, and TLS.
const LIMIT: Duration = Duration::from_secs(10);

/// A stream, or why there is none.
pub(super) type Dialled = Result<Box<dyn Wire>, String>;

pub(super) async fn dial(hosts: Hosts, settings: Settings) -> Dialled {
    let late = || format!("no answer within {} s; is a firewall in the way?", LIMIT.as_secs());
    let mut why = format!("no address of {} is known", settings.host);
    for addr in hosts.look_up(&settings.host, settings.port).await {
        let tcp = match timeout(LIMIT, TcpStream::connect(addr)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => {
                why = format!("cannot connect: {error}");
                continue;
            }
            Err(_) => {
                why = late();
                continue;
            }
        };
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let Some(tls) = &settings.tls else { return Ok(Box::new(tcp)) };
        return timeout(LIMIT, shake(tls, &settings, tcp)).await.map_err(|_| late())?;
    }
    Err(why)
}

async fn shake(tls: &Tls, settings: &Settings, tcp: TcpStream) -> Dialled {
    let mut config = tls::foreign_client(&tls.role, tls.versions)
        .map_err(|bad| bad.first().map(ToString::to_string).unwrap_or_default())?;
    config.enable_sni = tls.sni;
    let name = tls.name.as_ref().unwrap_or(&settings.host);
    let name = ServerName::try_from(name.clone());
    let name =
        name.map_err(|_| "the address is no name that a certificate could have".to_owned())?;
    let wire = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    let keys = format!("bridge.mqtt.{}", settings.name);
    wire.map(|wire| Box::new(wire) as Box<dyn Wire>).map_err(|error| {
        format!("TLS: {error}; {keys}.cacertfile, .certfile, .server_name_indication and the clock of this host decide that")
    })
}
