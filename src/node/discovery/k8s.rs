//! Discovery `k8s`: the nodes are the pods behind a Service (`cluster.k8s.*`), read every 5 s from its EndpointSlices with the
//! service account of the pod; from its Endpoints where the API server has no slices, the account may not list them, or there are
//! none. Pods that are not ready count too: a node finds the others before it is ready.

use std::{fs, net::IpAddr, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::pace::Pace;
use crate::{
    cluster::{
        NodeName, Target,
        settings::{AddressType, K8s, TlsFiles},
    },
    node::http::{self, Fault},
    sort,
};

const EVERY: Duration = Duration::from_secs(5);

/// Reads who is there for as long as somebody listens.
pub(super) async fn run(k8s: &K8s, found: Sender<Vec<Target>>) {
    let mut pace = Pace::new("k8s", EVERY);
    let mut slices = true;
    while pace.next(read(k8s, &mut slices).await, &found).await {}
}

/// `slices`: they are worth asking for.
async fn read(k8s: &K8s, slices: &mut bool) -> Result<Vec<Target>, String> {
    if *slices {
        let service = format!("labelSelector=kubernetes.io/service-name%3D{}", k8s.service);
        let namespace = &k8s.namespace;
        let path =
            format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?{service}");
        match ask(k8s, &path).await {
            Ok(answer) if in_slices(&answer).next().is_some() => {
                return named(&path, targets(k8s, in_slices(&answer)), in_slices(&answer).count());
            }
            // Whether there is such a service at all, Endpoints tell.
            Ok(_) => {}
            Err(Fault { status: Some(403 | 404), .. }) => *slices = false,
            Err(fault) => return Err(at(&path, &fault)),
        }
    }
    let path = format!("/api/v1/namespaces/{}/endpoints/{}", k8s.namespace, k8s.service);
    let answer = ask(k8s, &path).await.map_err(|fault| {
        // What is allowed may have changed.
        *slices = true;
        at(&path, &fault)
    })?;
    named(&path, targets(k8s, in_endpoints(&answer)), in_endpoints(&answer).count())
}

fn at(path: &str, fault: &Fault) -> String {
    format!("cluster.k8s.apiserver: {path} of {}", fault.text)
}

async fn ask(k8s: &K8s, path: &str) -> Result<Value, Fault> {
    let unready = |text| Fault { status: None, text };
    // A token is shown only to a server that has proven who it is. Read each time: it is replaced while the pod runs.
    let (token, tls) = if k8s.apiserver.tls {
        let token = k8s.account.join("token");
        let text = fs::read_to_string(&token).map_err(|error| {
            let remedy = "does the pod have a service account (automountServiceAccountToken)?";
            unready(format!("{} cannot be read: {error}; {remedy}", token.display()))
        })?;
        let files = TlsFiles { ca: k8s.account.join("ca.crt"), own: None };
        let config = http::client_config(&files).map_err(unready)?;
        (Some(text.trim().to_owned()), Some(config))
    } else {
        (None, None)
    };
    let ask = http::Ask { path: path.to_owned(), body: None, token };
    http::json(&k8s.apiserver, tls, ask, hint).await
}

/// The targets that `addresses` addresses have made.
fn named(path: &str, targets: Vec<Target>, addresses: usize) -> Result<Vec<Target>, String> {
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
        403 => {
            "; the service account needs a Role with the verb list on endpointslices of discovery.k8s.io, or get on endpoints"
        }
        404 => "; check cluster.k8s.service_name and cluster.k8s.namespace",
        _ => "",
    }
}

/// A pod, as its Service knows it.
struct Pod<'a> {
    ip: Option<&'a str>,
    hostname: Option<&'a str>,
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn word<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Every address in Endpoints, ready or not.
fn in_endpoints(answer: &Value) -> impl Iterator<Item = Pod<'_>> {
    let all = list(answer, "subsets")
        .flat_map(|subset| list(subset, "addresses").chain(list(subset, "notReadyAddresses")));
    all.map(|one| Pod { ip: word(one, "ip"), hostname: word(one, "hostname") })
}

/// Every endpoint in a list of slices, ready or not, but those of pods that end. The addresses of one are all the same pod.
fn in_slices(answer: &Value) -> impl Iterator<Item = Pod<'_>> {
    let ends = |one: &&Value| one.pointer("/conditions/terminating") == Some(&Value::Bool(true));
    let all = list(answer, "items").flat_map(|slice| list(slice, "endpoints"));
    all.filter(move |one| !ends(one)).map(|one| Pod {
        ip: list(one, "addresses").next().and_then(Value::as_str),
        hostname: word(one, "hostname"),
    })
}

fn targets<'a>(k8s: &K8s, pods: impl Iterator<Item = Pod<'a>>) -> Vec<Target> {
    let mut targets: Vec<Target> = pods.filter_map(|pod| target(k8s, &pod)).collect();
    sort::sort_by(&mut targets, |a, b| a.name.cmp(&b.name));
    targets.dedup_by(|a, b| a.name == b.name);
    targets
}

/// The node behind an address: its name by `cluster.k8s.address_type`, dialled at the address where the name has none.
fn target(k8s: &K8s, pod: &Pod<'_>) -> Option<Target> {
    let ip: IpAddr = pod.ip?.parse().ok()?;
    let K8s { service, namespace, suffix, .. } = k8s;
    let front = match k8s.address_type {
        AddressType::Ip => ip.to_string(),
        AddressType::Dns => ip.to_string().replace(['.', ':'], "-"),
        AddressType::Hostname => pod.hostname?.to_owned(),
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
        let k8s = k8s(address_type, suffix);
        let found = targets(&k8s, in_endpoints(&answer));
        let names: Vec<_> = found.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, want);
        assert!(found.iter().all(|target| target.addrs[0].port() == 4370));
        let endpoint = |ip: &str, hostname: Option<&str>, conditions: Value| json!({ "addresses": [ip], "hostname": hostname, "conditions": conditions });
        let answer = json!({ "kind": "EndpointSliceList", "items": [
            { "addressType": "IPv4", "endpoints": [
                endpoint("172.17.0.4", Some("emqx-1"), json!({ "ready": true, "terminating": false })),
                endpoint("172.17.0.3", None, json!({})),
                endpoint("172.17.0.9", Some("emqx-9"), json!({ "terminating": true })),
                endpoint("nonsense", None, json!(null)),
                {},
            ] },
            { "addressType": "IPv6", "endpoints": [
                endpoint("fd00::5", Some("emqx-0"), json!({ "ready": false, "serving": false })),
            ] },
            { "endpoints": null },
        ]});
        assert_eq!(targets(&k8s, in_slices(&answer)), found, "slices say the same");
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
        for answer in [
            json!({}),
            json!([]),
            json!({ "subsets": null, "items": 3 }),
            json!({ "subsets": [1], "items": [1] }),
        ] {
            let k8s = k8s(AddressType::Ip, "");
            assert_eq!(targets(&k8s, in_endpoints(&answer)), []);
            assert_eq!(targets(&k8s, in_slices(&answer)), []);
        }
    }
}
