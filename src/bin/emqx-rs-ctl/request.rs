//! The request to a node that a command stands for.

use emqx_rs::ctl::{HandlerChange, Mgmt, Request, Turn, token};

use crate::args::{
    AlarmsCommand, BannedCommand, BridgesCommand, ClientsCommand, ClusterCommand, Command,
    ConfCommand, DiscoveryCommand, EvacuateCommand, HandlersCommand, ListenersCommand, LogCommand,
    MgmtCommand, Numbers, RetainerCommand, SubscriptionsCommand, TopicsCommand, TraceCommand,
};

/// The request a command stands for; none when it needs no node.
pub(super) fn request(command: &Command) -> Option<Request> {
    Some(match command {
        Command::Status | Command::Ping => Request::Status,
        Command::Vm { .. } => Request::Vm,
        Command::Broker { what: None } => Request::Broker,
        Command::Broker { what: Some(Numbers::Stats) } | Command::Stats => Request::Stats,
        Command::Broker { what: Some(Numbers::Metrics) } | Command::Metrics => Request::Metrics,
        Command::Cluster(ClusterCommand::Status) => Request::ClusterStatus,
        Command::Cluster(ClusterCommand::Join { node, .. })
            if node != "-" && !token::is_token(node) =>
        {
            Request::ClusterJoin { node: node.clone() }
        }
        Command::Cluster(ClusterCommand::Discover) => Request::ClusterDiscover,
        Command::Cluster(ClusterCommand::Join { .. } | ClusterCommand::Token { .. }) => {
            return None;
        }
        Command::Cluster(ClusterCommand::Leave) => Request::ClusterLeave,
        Command::Cluster(ClusterCommand::Discovery(DiscoveryCommand::Enable)) => {
            Request::ClusterRediscover
        }
        Command::Cluster(ClusterCommand::Evacuate(command)) => evacuate(command),
        Command::Cluster(ClusterCommand::ForceLeave { node }) => {
            Request::ClusterForceLeave { node: node.clone() }
        }
        Command::Clients(ClientsCommand::List) => Request::Clients { client_id: None },
        Command::Clients(ClientsCommand::Show { client_id }) => {
            Request::Clients { client_id: Some(client_id.clone()) }
        }
        Command::Clients(ClientsCommand::Kick { client_id }) => {
            Request::ClientsKick { client_id: client_id.clone() }
        }
        Command::Topics(TopicsCommand::List) => Request::Routes { topic: None },
        Command::Topics(TopicsCommand::Show { topic }) => {
            Request::Routes { topic: Some(topic.clone()) }
        }
        Command::Subscriptions(command) => subscriptions(command),
        Command::Trace(command) => trace(command),
        Command::Retainer(RetainerCommand::Info) => Request::RetainerInfo,
        Command::Retainer(RetainerCommand::Topics { start, limit }) => {
            Request::RetainerTopics { start: *start, limit: *limit }
        }
        Command::Retainer(RetainerCommand::Clean { topic }) => {
            Request::RetainerClean { topic: topic.clone() }
        }
        Command::Listeners { command } => listeners(command.as_ref()),
        Command::Bridges { command } => bridges(command.as_ref()),
        Command::Alarms(command) => alarms(command),
        Command::Why { who } => Request::Why { who: who.clone() },
        Command::Banned(command) => banned(command),
        Command::Mgmt(command) => mgmt(command),
        Command::Conf(ConfCommand::Show { prefix }) => Request::ConfShow { prefix: prefix.clone() },
        Command::Conf(ConfCommand::Reload) => Request::ConfReload,
        Command::Log(LogCommand::PrimaryLevel { level: None }) => Request::LogShow,
        Command::Log(LogCommand::Handlers(command)) => log_handlers(command),
        Command::Log(
            LogCommand::SetLevel { level } | LogCommand::PrimaryLevel { level: Some(level) },
        ) => Request::LogSetLevel { level: level.clone() },
        Command::Cookie { .. }
        | Command::User { .. }
        | Command::ClientId { .. }
        | Command::Data(_)
        | Command::Doctor
        | Command::Acl(_)
        | Command::PemCache(_)
        | Command::Traces(_)
        | Command::Plugins(_)
        | Command::Modules(_)
        | Command::Other(_) => return None,
    })
}

fn subscriptions(command: &SubscriptionsCommand) -> Request {
    match command {
        SubscriptionsCommand::List => Request::Subscriptions { client_id: None },
        SubscriptionsCommand::Show { client_id } => {
            Request::Subscriptions { client_id: Some(client_id.clone()) }
        }
        SubscriptionsCommand::Add { client_id, topic, qos } => Request::SubscriptionsAdd {
            client_id: client_id.clone(),
            topic: topic.clone(),
            qos: *qos,
        },
        SubscriptionsCommand::Del { client_id, topic } => {
            Request::SubscriptionsDel { client_id: client_id.clone(), topic: topic.clone() }
        }
    }
}

fn listeners(command: Option<&ListenersCommand>) -> Request {
    let (id, turn, port) = match command {
        None | Some(ListenersCommand::List) => return Request::Listeners,
        Some(ListenersCommand::Start { id } | ListenersCommand::Enable { id, on: true }) => {
            (id, Turn::Start, None)
        }
        Some(ListenersCommand::Enable { id, on: false }) => (id, Turn::Stop, None),
        Some(ListenersCommand::Stop { id, port }) => (id, Turn::Stop, port.clone()),
        Some(ListenersCommand::Restart { id, port }) => (id, Turn::Restart, port.clone()),
    };
    Request::ListenerTurn { id: id.clone(), port, turn }
}

fn alarms(command: &AlarmsCommand) -> Request {
    match command {
        AlarmsCommand::List { which } => {
            Request::Alarms { activated: which.as_ref().map(|which| which == "activated") }
        }
        AlarmsCommand::Delete => Request::AlarmsDelete,
    }
}

fn bridges(command: Option<&BridgesCommand>) -> Request {
    match command {
        None | Some(BridgesCommand::List) => Request::Bridges,
        Some(BridgesCommand::Start { name }) => {
            Request::BridgeTurn { name: name.clone(), on: true }
        }
        Some(BridgesCommand::Stop { name }) => {
            Request::BridgeTurn { name: name.clone(), on: false }
        }
    }
}

fn evacuate(command: &EvacuateCommand) -> Request {
    match command {
        EvacuateCommand::Start { rate, to, force } => {
            Request::EvacuateStart { rate: *rate, to: to.clone(), force: *force }
        }
        EvacuateCommand::Status => Request::EvacuateStatus,
        EvacuateCommand::Stop => Request::EvacuateStop,
    }
}

fn log_handlers(command: &HandlersCommand) -> Request {
    let (id, change) = match command {
        HandlersCommand::List => return Request::LogShow,
        HandlersCommand::Start { id } => (id, HandlerChange::Start),
        HandlersCommand::Stop { id } => (id, HandlerChange::Stop),
        HandlersCommand::SetLevel { id, level } => (id, HandlerChange::Level(level.clone())),
    };
    Request::LogHandler { id: id.clone(), change }
}

fn trace(command: &TraceCommand) -> Request {
    match command {
        TraceCommand::List => Request::Traces,
        TraceCommand::Start { kind, what, file, level, r#for } => Request::TraceStart {
            kind: kind.clone(),
            what: what.clone(),
            file: file.clone(),
            level: level.clone(),
            seconds: r#for.map(|time| time.as_secs().max(1)),
        },
        TraceCommand::Stop { kind, what } => {
            Request::TraceStop { kind: kind.clone(), what: what.clone() }
        }
    }
}

fn mgmt(command: &MgmtCommand) -> Request {
    Request::Mgmt(match command {
        MgmtCommand::List => Mgmt::List,
        MgmtCommand::Insert { id, name } => Mgmt::Insert { id: id.clone(), name: name.clone() },
        MgmtCommand::Lookup { id } => Mgmt::Lookup { id: id.clone() },
        MgmtCommand::Update { id, on } => Mgmt::Update { id: id.clone(), enabled: *on },
        MgmtCommand::Delete { id } => Mgmt::Delete { id: id.clone() },
    })
}

fn banned(command: &BannedCommand) -> Request {
    match command {
        BannedCommand::List => Request::Banned,
        BannedCommand::Add { kind, who, r#for, reason } => Request::BannedAdd {
            kind: kind.0.into(),
            who: who.clone(),
            seconds: r#for.map(|time| time.as_secs().max(1)),
            reason: reason.clone(),
            by: None,
        },
        BannedCommand::Del { kind, who } => {
            Request::BannedDel { kind: kind.0.into(), who: who.clone() }
        }
    }
}
