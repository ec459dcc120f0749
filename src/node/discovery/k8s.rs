//! Discovery `k8s`: the nodes are the pods behind a Service (`cluster.k8s.*`), read every 5 s from its Endpoints with the service
//! account of the pod. Pods that are not ready count too: a node finds the others before it is ready.

use std::{fs, net::IpAddr, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::{http, pace::Pace};
use crate::cluster::{
    NodeName, Target,
    settings::{AddressType, K8s, TlsFiles},
};

const EVERY: Duration = Duration::from_secs(5);

/// Reads the Endpoints for as long as somebody listens.
pub(super) async fn run(k8s: &K8s, found: Sender<Vec<Target>>) {
    let mut pace = Pace::new("k8s", EVERY);
    while pace.next(read(k8s).await, &found).await {}
}

async fn read(k8s: &K8s) -> Result<Vec<Target>, String> {
    let path = format!("/api/v1/namespaces/{}/endpoints/{}", k8s.namespace, k8s.service);
    // A token is shown only to a server that has proven who it is. Read each time: it is replaced while the pod runs.
    let (token, tls) = if k8s.apiserver.tls {
        let token = k8s.account.join("token");
        let text = fs::read_to_string(&token).map_err(|error| {
            let remedy = "does the pod have a service account (automountServiceAccountToken)?";
            format!("{} cannot be read: {error}; {remedy}", token.display())
        })?;
        let files = TlsFiles { ca: k8s.account.join("ca.crt"), own: None };
        (Some(text.trim().to_owned()), Some(http::client_config(&files)?))
    } else {
        (None, None)
    };
    let ask = http::Ask { path: path.clone(), body: None, token };
    let answer = http::json(&k8s.apiserver, tls, ask, hint).await;
    let answer = answer.map_err(|fault| format!("cluster.k8s.apiserver: {path} of {fault}"))?;
    let targets = targets(k8s, &answer);
    let addresses = addresses(&answer).count();
    if targets.is_empty() && addresses > 0 {
        return Err(format!(
            "{path}: none of {addresses} addresses makes a node name; cluster.k8s.address_type = hostname needs a StatefulSet \
             behind a headless Service"
        ));
    }
    Ok(targets)
}

fn hint(status: u16) -> &'static str {
    match status {
        401 => "; the token of the service account is not accepted",
        403 => "; the service account needs a Role with the verb get on endpoints",
        404 => "; check cluster.k8s.service_name and cluster.k8s.namespace",
        _ => "",
    }
}

/// Every address in Endpoints, ready or not.
fn addresses(answer: &Value) -> impl Iterator<Item = &Value> {
    let subsets = answer.get("subsets").and_then(Value::as_array).into_iter().flatten();
    let lists =
        subsets.flat_map(|subset| [subset.get("addresses"), subset.get("notReadyAddresses")]);
    lists.flatten().filter_map(Value::as_array).flatten()
}

fn targets(k8s: &K8s, answer: &Value) -> Vec<Target> {
    let mut targets: Vec<Target> =
        addresses(answer).filter_map(|address| target(k8s, address)).collect();
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    targets.dedup_by(|a, b| a.name == b.name);
    targets
}

/// The node behind an address: its name by `cluster.k8s.address_type`, dialled at the address where the name has none.
fn target(k8s: &K8s, address: &Value) -> Option<Target> {
    let ip: IpAddr = address.get("ip")?.as_str()?.parse().ok()?;
    let K8s { service, namespace, suffix, .. } = k8s;
    let front = match k8s.address_type {
        AddressType::Ip => ip.to_string(),
        AddressType::Dns => ip.to_string().replace(['.', ':'], "-"),
        AddressType::Hostname => address.get("hostname")?.as_str()?.to_owned(),
    };
    let host = match k8s.address_type {
        AddressType::Ip => front,
        AddressType::Dns | AddressType::Hostname if suffix.is_empty() => front,
        AddressType::Dns => format!("{front}.{namespace}.{suffix}"),
        AddressType::Hostname => format!("{front}.{service}.{namespace}.{suffix}"),
    };
    let name = NodeName::parse(&format!("{}@{host}", k8s.app)).ok()?;
    let at = SocketAddr::new(ip, k8s.port.unwrap_or_else(|| name.mesh_port()));
    Some(Target { name, port: k8s.port, addrs: vec![at] })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::settings::Server;

    fn k8s(address_type: AddressType, suffix: &str) -> K8s {
        K8s {
            apiserver: Server { tls: true, host: "h".to_owned(), port: 443 },
            service: "emqx".to_owned(),
            address_type,
            app: "app".to_owned(),
            namespace: "default".to_owned(),
            suffix: suffix.to_owned(),
            account: "/".into(),
            port: None,
        }
    }

    #[track_caller]
    fn check(address_type: AddressType, suffix: &str, want: &[&str]) {
        let answer = json!({ "kind": "Endpoints", "subsets": [
            {
                "addresses": [
                    { "ip": "172.17.0.4", "hostname": "emqx-1" },
                    { "ip": "172.17.0.3" },
                    { "ip": "nonsense" },
                    {},
                ],
                "notReadyAddresses": [{ "ip": "fd00::5", "hostname": "emqx-0" }],
            },
            { "addresses": [{ "ip": "172.17.0.3" }] },
            { "ports": [] },
        ]});
        let targets = targets(&k8s(address_type, suffix), &answer);
        let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, want);
        assert!(targets.iter().all(|target| target.addrs[0].port() == 4370));
    }

    #[test]
    fn names_are_made_as_the_address_type_says() {
        check(AddressType::Ip, "", &["app@172.17.0.3", "app@172.17.0.4", "app@fd00::5"]);
        check(
            AddressType::Dns,
            "pod.cluster.local",
            &[
                "app@172-17-0-3.default.pod.cluster.local",
                "app@172-17-0-4.default.pod.cluster.local",
                "app@fd00--5.default.pod.cluster.local",
            ],
        );
        check(AddressType::Dns, "", &["app@172-17-0-3", "app@172-17-0-4", "app@fd00--5"]);
        check(
            AddressType::Hostname,
            "svc.cluster.local",
            &[
                "app@emqx-0.emqx.default.svc.cluster.local",
                "app@emqx-1.emqx.default.svc.cluster.local",
            ],
        );
        check(AddressType::Hostname, "", &["app@emqx-0", "app@emqx-1"]);
    }

    #[test]
    fn answers_of_another_shape_name_nobody() {
        for answer in [json!({}), json!([]), json!({ "subsets": null }), json!({ "subsets": [1] })]
        {
            assert_eq!(targets(&k8s(AddressType::Ip, ""), &answer), []);
        }
    }
}
