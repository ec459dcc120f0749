//! `emqx-rs-bench`: puts load on an MQTT server and says what came of it.
//!
//! Options are those of `emqtt-bench` where it has them. Results go to stdout, progress and errors to stderr; exit code 0 is a
//! good run, 1 a bad one, 2 a command line that cannot be read.

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand};
use emqx_rs::{
    bench::{self, Plan, Progress, Publishing, Report, Subscribing, Target, Times},
    mqtt::{QoS, Version},
};

/// Load client for MQTT servers.
#[derive(Parser)]
#[command(name = "emqx-rs-bench", version, disable_help_flag = true, disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print help
    #[arg(long, action = ArgAction::Help, global = true)]
    help: Option<bool>,
    /// Print version
    #[arg(long, action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Subcommand)]
enum Command {
    /// Open connections and keep them
    #[command(disable_help_flag = true)]
    Conn(Common),
    /// Publish
    #[command(disable_help_flag = true)]
    Pub(PubArgs),
    /// Subscribe and count what comes
    #[command(disable_help_flag = true)]
    Sub(SubArgs),
    /// Publish and subscribe; count what is lost, repeated or out of order, and how long it took
    #[command(disable_help_flag = true)]
    Run(RunArgs),
}

#[derive(Args)]
struct Common {
    /// Servers, taken in turn; each may have its own :port
    #[arg(short = 'h', long, default_value = "localhost", value_delimiter = ',')]
    host: Vec<String>,
    /// Port of servers without one
    #[arg(short, long, default_value_t = 1883)]
    port: u16,
    /// Protocol: 3 = MQTT 3.1, 4 = 3.1.1, 5 = 5.0
    #[arg(short = 'V', long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(3..=5))]
    version: u8,
    /// Clients, publishers in `run`
    #[arg(short, long, default_value_t = 200)]
    count: u32,
    /// Number of the first client
    #[arg(short = 'n', long, default_value_t = 0)]
    startnumber: u32,
    /// Milliseconds from one connection to the next
    #[arg(short, long, default_value_t = 10)]
    interval: u64,
    /// Connections per second, instead of --interval
    #[arg(short = 'R', long)]
    connrate: Option<u32>,
    /// User name
    #[arg(short, long)]
    username: Option<String>,
    /// Password
    #[arg(short = 'P', long)]
    password: Option<String>,
    /// Keep alive, in seconds; 0 = off
    #[arg(short, long, default_value_t = 300)]
    keepalive: u16,
    /// Clean start (clean session)
    #[arg(short = 'C', long, default_value_t = true, action = ArgAction::Set)]
    clean: bool,
    /// First part of the client ids
    #[arg(long)]
    prefix: Option<String>,
    /// Seconds until the end, from when all are connected; 0 = until Ctrl-C or the limit
    #[arg(short, long)]
    duration: Option<u64>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    /// No progress lines
    #[arg(long)]
    quiet: bool,
}

#[derive(Args)]
struct Messages {
    /// Quality of service
    #[arg(short, long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Bytes of a payload
    #[arg(short, long, default_value_t = 256)]
    size: usize,
    /// Messages of each client; 0 = no limit
    #[arg(short = 'L', long, default_value_t = 0)]
    limit: u64,
}

#[derive(Args)]
struct PubArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    messages: Messages,
    /// Topic; %i is the number, %c the client id, %u the user name
    #[arg(short, long)]
    topic: String,
    /// Set the retain flag
    #[arg(short, long, default_value_t = false, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    retain: bool,
    /// Payload, instead of --size
    #[arg(short, long)]
    message: Option<String>,
    /// Milliseconds from one message of a client to its next; 0 = as fast as it goes
    #[arg(short = 'I', long = "interval_of_msg", default_value_t = 1000)]
    interval_of_msg: u64,
    /// Messages of each client that wait for an acknowledgement (QoS 1 and 2)
    #[arg(short = 'F', long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    inflight: u16,
}

#[derive(Args)]
struct SubArgs {
    #[command(flatten)]
    common: Common,
    /// Topic filter; %i is the number, %c the client id, %u the user name
    #[arg(short, long)]
    topic: String,
    /// Quality of service
    #[arg(short, long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
}

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    messages: Messages,
    /// Topic of the publishers; %i is the number
    #[arg(short, long, default_value = "bench/%i")]
    topic: String,
    /// Subscribers; as many as publishers when not given
    #[arg(long)]
    subscribers: Option<u32>,
    /// Filter of the subscribers; the topic when not given
    #[arg(long)]
    filter: Option<String>,
    /// Server of the subscribers, if another one
    #[arg(long = "sub-host", value_delimiter = ',')]
    sub_host: Option<Vec<String>>,
    /// Port of the subscribers, if another one
    #[arg(long = "sub-port")]
    sub_port: Option<u16>,
    /// Milliseconds from one message of a client to its next; 0 = as fast as the window lets it
    #[arg(short = 'I', long = "interval_of_msg", default_value_t = 0)]
    interval_of_msg: u64,
    /// Messages of each publisher on their way to its subscribers; 0 = no limit
    #[arg(short = 'w', long, default_value_t = 16)]
    window: u64,
    /// Messages of each publisher that wait for an acknowledgement (QoS 1 and 2)
    #[arg(short = 'F', long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..))]
    inflight: u16,
}

impl Common {
    fn target(&self) -> Target {
        let prefix = || format!("emqx-rs-bench-{}", std::process::id());
        Target {
            hosts: self.host.clone(),
            port: self.port,
            version: match self.version {
                3 => Version::V3_1,
                4 => Version::V3_1_1,
                _ => Version::V5,
            },
            clean: self.clean,
            keep_alive: self.keepalive,
            username: self.username.clone(),
            password: self.password.clone(),
            prefix: self.prefix.clone().unwrap_or_else(prefix),
            start_number: self.startnumber,
        }
    }

    fn plan(&self) -> Plan {
        let connect_every = match self.connrate {
            Some(rate) => Duration::from_secs(1).checked_div(rate).unwrap_or_default(),
            None => Duration::from_millis(self.interval),
        };
        Plan {
            target: self.target(),
            count: self.count,
            connect_every,
            duration: self.duration.filter(|secs| *secs > 0).map(Duration::from_secs),
            publishing: None,
            subscribing: None,
        }
    }
}

impl Messages {
    fn publishing(&self, topic: &str, interval_ms: u64, inflight: u16) -> Publishing {
        Publishing {
            topic: topic.to_owned(),
            qos: qos(self.qos),
            retain: false,
            size: self.size,
            message: None,
            every: Duration::from_millis(interval_ms),
            limit: (self.limit > 0).then_some(self.limit),
            inflight,
            window: None,
        }
    }
}

/// The command line lets only 0, 1 and 2 through.
fn qos(level: u8) -> QoS {
    QoS::from_u8(level).unwrap_or_default()
}

impl Command {
    const fn common(&self) -> &Common {
        match self {
            Self::Conn(common) => common,
            Self::Pub(args) => &args.common,
            Self::Sub(args) => &args.common,
            Self::Run(args) => &args.common,
        }
    }

    fn plan(&self) -> Plan {
        let mut plan = self.common().plan();
        match self {
            Self::Conn(_) => {}
            Self::Pub(args) => {
                let publishing =
                    args.messages.publishing(&args.topic, args.interval_of_msg, args.inflight);
                let message = args.message.as_ref().map(|text| text.clone().into_bytes());
                plan.publishing = Some(Publishing { retain: args.retain, message, ..publishing });
            }
            Self::Sub(args) => {
                let filter = args.topic.clone();
                plan.subscribing = Some(Subscribing {
                    count: plan.count,
                    filter,
                    qos: qos(args.qos),
                    target: None,
                });
            }
            Self::Run(args) => run_plan(args, &mut plan),
        }
        plan
    }
}

/// Publishers and subscribers; ten seconds when nothing else says when to end.
fn run_plan(args: &RunArgs, plan: &mut Plan) {
    let publishing = args.messages.publishing(&args.topic, args.interval_of_msg, args.inflight);
    let window = (args.window > 0).then_some(args.window);
    if args.common.duration.is_none() && publishing.limit.is_none() {
        plan.duration = Some(Duration::from_secs(10));
    }
    plan.publishing = Some(Publishing { window, ..publishing });
    let elsewhere = args.sub_host.is_some() || args.sub_port.is_some();
    let target = Target {
        hosts: args.sub_host.clone().unwrap_or_else(|| plan.target.hosts.clone()),
        port: args.sub_port.unwrap_or(plan.target.port),
        ..plan.target.clone()
    };
    plan.subscribing = Some(Subscribing {
        count: args.subscribers.unwrap_or(plan.count),
        filter: args.filter.clone().unwrap_or_else(|| args.topic.clone()),
        qos: qos(args.messages.qos),
        target: elsewhere.then_some(target),
    });
}

/// One line a second: totals, and what the last second added.
fn progress_line(now: &Progress, before: &Progress) -> String {
    let mut line = format!("{:.0}s connected {}", now.seconds, now.connected);
    for (name, total, last) in [
        ("sent", now.sent, before.sent),
        ("acked", now.acked, before.acked),
        ("received", now.received, before.received),
        ("failed", now.failed, before.failed),
    ] {
        if total > 0 {
            line += &format!(", {name} {total} (+{})", total.saturating_sub(last));
        }
    }
    line
}

fn times_line(name: &str, times: &Times) -> String {
    let Times { p50, p99, p999, max } = times;
    format!("{name}: p50 {p50} us, p99 {p99} us, p99.9 {p999} us, max {max} us\n")
}

fn text(report: &Report) -> String {
    let total = &report.total;
    let mut text = format!(
        "{:.3} s, connected {}, failed {}, sent {}, acked {}, received {}\n",
        total.seconds, total.connected, total.failed, total.sent, total.acked, total.received
    );
    if report.refused > 0 {
        text += &format!("refused {}\n", report.refused);
    }
    if let (Some(expected), Some(lost), Some(repeated), Some(late)) =
        (report.expected, report.lost, report.repeated, report.out_of_order)
    {
        text += &format!(
            "expected {expected}, lost {lost}, repeated {repeated}, out of order {late}\n"
        );
    }
    if let Some(times) = &report.connect_us {
        text += &times_line("connect", times);
    }
    if let Some(times) = &report.latency_us {
        text += &times_line("latency", times);
    }
    for (error, count) in &report.errors {
        text += &format!("error: {error} ({count} clients)\n");
    }
    text
}

/// As many open files as the system lets this process have.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // If it stays as it is, connecting will say so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let common = cli.command.common();
    raise_file_limit();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("emqx-rs-bench: {error}");
            return ExitCode::from(1);
        }
    };
    let mut before =
        Progress { seconds: 0.0, connected: 0, failed: 0, sent: 0, acked: 0, received: 0 };
    let progress = |now: &Progress| {
        if !common.quiet {
            eprintln!("{}", progress_line(now, &before));
        }
        before = *now;
    };
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let report = match runtime.block_on(bench::run(cli.command.plan(), stop, progress)) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("emqx-rs-bench: {error}");
            return ExitCode::from(2);
        }
    };
    let result = if common.json {
        serde_json::to_string(&report).map(|json| json + "\n").unwrap_or_default()
    } else {
        text(&report)
    };
    let written = std::io::stdout().write_all(result.as_bytes());
    ExitCode::from(u8::from(!report.is_good() || written.is_err()))
}
