# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_emqx_rs_ctl_global_optspecs
    string join \n socket= json all node= h/help V/version
end

function __fish_emqx_rs_ctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_emqx_rs_ctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_emqx_rs_ctl_using_subcommand
    set -l cmd (__fish_emqx_rs_ctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -s V -l version -d 'Print version'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "status" -d 'Name, version and state of the node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "ping" -d 'Say nothing; exit 0 when the node answers, else 1'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "broker" -d 'Version, uptime and time; or its gauges, or its counters'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "cluster" -d 'The cluster: who is in it, join, leave'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "doctor" -d 'What keeps nodes apart: multicast, firewall, names, cookie, limits; and what mends it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "clients" -d 'Clients of this node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "topics" -d 'Route table: which node has subscribers of which topic'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "subscriptions" -d 'Subscriptions of this node\'s clients'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "retainer" -d 'Retained messages'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "user" -d 'Who may connect with a password, in the users file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "clientid" -d 'Which client ids may connect with a password, in the users file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "banned" -d 'Who is kept out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "mgmt" -d 'Applications that may use the HTTP API (management.* of emqx.conf)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "alarms" -d 'What is wrong on a node, and what was'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "why" -d 'What happened lately to a client: refused why, closed why, denied what, taken over by whom'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "acl" -d 'Cached answers of the HTTP server about what clients may do'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "listeners" -d 'What is open for clients; close and open it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "bridges" -d 'Bridges to brokers of others: how they stand; start and stop one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "trace" -d 'Write down what a client, a topic or an address sends and gets, packet by packet, for a while'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "traces" -d 'The same on every node under one name, as EMQX has it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "stats" -d 'Gauges, as `broker stats`'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "metrics" -d 'Counters, as `broker metrics`'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "cookie" -d 'The secret of the cluster, in its file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "vm" -d 'Load of the host, memory, threads and open files of the node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "pem_cache" -d 'Certificates in memory'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "conf" -d 'The configuration'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "data" -d 'Retained messages, bans and users: into a file, and out of it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "log" -d 'The log'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "plugins" -d 'Plugins of EMQX that are built in here'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "modules" -d 'Modules of EMQX that are built in here'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand status" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand status" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand status" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand status" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand status" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand ping" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand ping" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand ping" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand ping" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand ping" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -f -a "stats" -d 'Gauges'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -f -a "metrics" -d 'Counters'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and not __fish_seen_subcommand_from stats metrics help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from stats" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from stats" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from stats" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from stats" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from metrics" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from metrics" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from metrics" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from metrics" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from metrics" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from help" -f -a "stats" -d 'Gauges'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from help" -f -a "metrics" -d 'Counters'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand broker; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "status" -d 'Running and stopped nodes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "discover" -d 'Nodes that discovery by multicast hears, and what it makes of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "discovery" -d 'Discovery itself'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "evacuate" -d 'Send the clients of this node to the others, before an upgrade'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "token" -d 'Print a token for the next box: cookie, cluster name, addresses'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "join" -d 'Join the cluster of a node, or the one of a token'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "leave" -d 'Leave the cluster and stay alone'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "force-leave" -d 'Take a member out that does not come back'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and not __fish_seen_subcommand_from status discover discovery evacuate token join leave force-leave help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from status" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from status" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from status" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from status" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discover" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discover" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discover" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discover" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discover" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -f -a "enable" -d 'After cluster leave: join again whom discovery finds'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from discovery" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -f -a "start" -d 'Refuse new clients, and ask those that are connected to go'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -f -a "status" -d 'How many are gone'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -f -a "stop" -d 'Take clients again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from evacuate" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -l file -d 'File of the cookie, if it is not where the package or the node puts it' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -l data -d 'Data folder of the node, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l file -d 'File of the cookie, if it is not where the package or the node puts it' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l data -d 'Data folder of the node, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l no-restart -d 'Do not restart the service; say that it needs it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from join" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from leave" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from force-leave" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from force-leave" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from force-leave" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from force-leave" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from force-leave" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "status" -d 'Running and stopped nodes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "discover" -d 'Nodes that discovery by multicast hears, and what it makes of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "discovery" -d 'Discovery itself'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "evacuate" -d 'Send the clients of this node to the others, before an upgrade'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "token" -d 'Print a token for the next box: cookie, cluster name, addresses'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "join" -d 'Join the cluster of a node, or the one of a token'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "leave" -d 'Leave the cluster and stay alone'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "force-leave" -d 'Take a member out that does not come back'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cluster; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand doctor" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand doctor" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand doctor" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand doctor" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -f -a "list" -d 'All clients'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -f -a "show" -d 'One client'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -f -a "kick" -d 'Disconnect a client and end its session'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and not __fish_seen_subcommand_from list show kick help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from show" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from show" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from show" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from kick" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from kick" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from kick" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from kick" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from kick" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "list" -d 'All clients'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "show" -d 'One client'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "kick" -d 'Disconnect a client and end its session'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clients; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -f -a "list" -d 'All routes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -f -a "show" -d 'Routes of one topic filter'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and not __fish_seen_subcommand_from list show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from show" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from show" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from show" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "list" -d 'All routes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "show" -d 'Routes of one topic filter'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -f -a "list" -d 'All subscriptions'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -f -a "show" -d 'Those of one client'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -f -a "add" -d 'Subscribe a client that is connected'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -f -a "del" -d 'Take a subscription of a client that is connected out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and not __fish_seen_subcommand_from list show add del help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from show" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from show" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from show" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from add" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from add" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from add" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from add" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from del" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from del" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from del" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from del" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from del" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from help" -f -a "list" -d 'All subscriptions'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from help" -f -a "show" -d 'Those of one client'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from help" -f -a "add" -d 'Subscribe a client that is connected'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from help" -f -a "del" -d 'Take a subscription of a client that is connected out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand subscriptions; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -f -a "info" -d 'How many there are'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -f -a "topics" -d 'Their topics'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -f -a "clean" -d 'Forget all, or those that a filter matches, on all nodes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and not __fish_seen_subcommand_from info topics clean help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from info" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from info" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from info" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from info" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from info" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from topics" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from topics" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from topics" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from topics" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from topics" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from clean" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from clean" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from clean" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from clean" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from clean" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from help" -f -a "info" -d 'How many there are'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from help" -f -a "topics" -d 'Their topics'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from help" -f -a "clean" -d 'Forget all, or those that a filter matches, on all nodes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand retainer; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -f -a "add" -d 'Add a user; the password is asked for, or taken from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -f -a "passwd" -d 'Give a user another password'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -f -a "del" -d 'Take a user out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -f -a "list" -d 'All users'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and not __fish_seen_subcommand_from add passwd del list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l iterations -d 'How often such a client hashes to connect' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l superuser -d 'No rule of acl.conf holds for this user'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l scram -d 'Clients of this user can do SCRAM-SHA-256'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l iterations -d 'How often such a client hashes to connect' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l scram -d 'Clients of this user can do SCRAM-SHA-256'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from passwd" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from del" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from del" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from del" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from del" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from del" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from del" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from list" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a user; the password is asked for, or taken from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "passwd" -d 'Give a user another password'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "del" -d 'Take a user out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "list" -d 'All users'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand user; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -f -a "add" -d 'Add a client id; the password is asked for, or taken from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -f -a "update" -d 'Give a client id another password'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -f -a "delete" -d 'Take a client id out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -f -a "list" -d 'All client ids'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and not __fish_seen_subcommand_from add update delete list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from add" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from add" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from add" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from add" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from add" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from update" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from update" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from update" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from update" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from update" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from delete" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from delete" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from delete" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from delete" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from list" -l file -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a client id; the password is asked for, or taken from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from help" -f -a "update" -d 'Give a client id another password'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Take a client id out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from help" -f -a "list" -d 'All client ids'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand clientid; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -f -a "list" -d 'All bans that hold'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -f -a "add" -d 'Ban somebody and end the connections that are there'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -f -a "del" -d 'Take a ban out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and not __fish_seen_subcommand_from list add del help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -l for -d 'For how long, such as 5m or 1d; for ever without it' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -l reason -d 'Why' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from del" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from del" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from del" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from del" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from del" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from help" -f -a "list" -d 'All bans that hold'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from help" -f -a "add" -d 'Ban somebody and end the connections that are there'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from help" -f -a "del" -d 'Take a ban out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand banned; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -f -a "list" -d 'All of them; their secrets are not shown'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -f -a "insert" -d 'Make one; its secret is shown now and never again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -f -a "lookup" -d 'One of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -f -a "update" -d 'Let one in, or not'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -f -a "delete" -d 'Take one out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and not __fish_seen_subcommand_from list insert lookup update delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from insert" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from insert" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from insert" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from insert" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from insert" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from lookup" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from lookup" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from lookup" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from lookup" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from lookup" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from update" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from update" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from update" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from update" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from delete" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from delete" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from delete" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from help" -f -a "list" -d 'All of them; their secrets are not shown'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from help" -f -a "insert" -d 'Make one; its secret is shown now and never again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from help" -f -a "lookup" -d 'One of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from help" -f -a "update" -d 'Let one in, or not'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Take one out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand mgmt; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -f -a "list" -d 'All of them, those that are active, or those that are over'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -f -a "delete" -d 'Forget those that are over'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and not __fish_seen_subcommand_from list delete help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from delete" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from delete" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from delete" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from delete" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from help" -f -a "list" -d 'All of them, those that are active, or those that are over'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from help" -f -a "delete" -d 'Forget those that are over'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand alarms; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand why" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand why" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand why" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand why" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand why" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -f -a "cache-clean" -d 'Ask again what clients may do'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and not __fish_seen_subcommand_from cache-clean help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from cache-clean" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from cache-clean" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from cache-clean" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from cache-clean" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from cache-clean" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from help" -f -a "cache-clean" -d 'Ask again what clients may do'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand acl; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -f -a "list" -d 'All of them, as without a command'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -f -a "start" -d 'Open one that was stopped'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -f -a "stop" -d 'Take no client any more, until it is started or the node is; who is connected stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -f -a "restart" -d 'Close and open it anew; who is connected stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -f -a "enable" -d 'Start one, or stop it, as EMQX 5 has it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and not __fish_seen_subcommand_from list start stop restart enable help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from start" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from start" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from start" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from start" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from stop" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from stop" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from stop" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from restart" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from restart" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from restart" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from restart" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from restart" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from enable" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from enable" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from enable" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from enable" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from help" -f -a "list" -d 'All of them, as without a command'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from help" -f -a "start" -d 'Open one that was stopped'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Take no client any more, until it is started or the node is; who is connected stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from help" -f -a "restart" -d 'Close and open it anew; who is connected stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Start one, or stop it, as EMQX 5 has it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand listeners; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -f -a "list" -d 'All of them, as without a command'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -f -a "start" -d 'Start one on this node, until it or the node is stopped'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -f -a "stop" -d 'Stop one on this node; what waits goes to other nodes that run it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and not __fish_seen_subcommand_from list start stop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from start" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from start" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from start" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from start" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from stop" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from stop" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from stop" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from help" -f -a "list" -d 'All of them, as without a command'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from help" -f -a "start" -d 'Start one on this node, until it or the node is stopped'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Stop one on this node; what waits goes to other nodes that run it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand bridges; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -f -a "list" -d 'Traces that run, and their files'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -f -a "start" -d 'Begin one; the answer names its file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -f -a "stop" -d 'End one; its file stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and not __fish_seen_subcommand_from list start stop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from start" -l for -d 'For how long, such as 5m or 2h, a week at most; 15m without it' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from start" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from start" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from start" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from start" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from stop" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from stop" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from stop" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from help" -f -a "list" -d 'Traces that run, and their files'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from help" -f -a "start" -d 'Begin one; the answer names its file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from help" -f -a "stop" -d 'End one; its file stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand trace; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -f -a "list" -d 'Traces that run, and what each node has written'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -f -a "start" -d 'Begin one on every node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -f -a "stop" -d 'End one on every node; its files stay'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and not __fish_seen_subcommand_from list start stop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from start" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from start" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from start" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from start" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from stop" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from stop" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from stop" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from help" -f -a "list" -d 'Traces that run, and what each node has written'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from help" -f -a "start" -d 'Begin one on every node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from help" -f -a "stop" -d 'End one on every node; its files stay'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand traces; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand stats" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand stats" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand stats" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand stats" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand stats" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand metrics" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand metrics" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand metrics" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand metrics" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand metrics" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -l file -d 'The file, if it is not where the package or the node puts it' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -f -a "show" -d 'Print the cookie'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -f -a "set" -d 'Take the cookie from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -f -a "new" -d 'Make a new one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and not __fish_seen_subcommand_from show set new help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from show" -l file -d 'The file, if it is not where the package or the node puts it' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from show" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from show" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from show" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from set" -l file -d 'The file, if it is not where the package or the node puts it' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from set" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from set" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from set" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from set" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from new" -l file -d 'The file, if it is not where the package or the node puts it' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from new" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from new" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from new" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from new" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print the cookie'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from help" -f -a "set" -d 'Take the cookie from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from help" -f -a "new" -d 'Make a new one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand cookie; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand vm" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand vm" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand vm" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand vm" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand vm" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -f -a "clean" -d 'Read the certificates of listeners and of the mesh again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and not __fish_seen_subcommand_from clean help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from clean" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from clean" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from clean" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from clean" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from clean" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from help" -f -a "clean" -d 'Read the certificates of listeners and of the mesh again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand pem_cache; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -f -a "show" -d 'Every setting in force, and where it comes from: file and line, variable, or default'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -f -a "reload" -d 'Read the configuration again and tell what changed; a bad one changes nothing'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and not __fish_seen_subcommand_from show reload help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from show" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from show" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from show" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from reload" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from reload" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from reload" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from reload" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from reload" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from help" -f -a "show" -d 'Every setting in force, and where it comes from: file and line, variable, or default'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from help" -f -a "reload" -d 'Read the configuration again and tell what changed; a bad one changes nothing'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand conf; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -f -a "export" -d 'Write a new file, which root alone can read'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -f -a "import" -d 'Take a file in: retained messages on all nodes, bans and users on this one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and not __fish_seen_subcommand_from export import help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from export" -l users -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from export" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from export" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from export" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from export" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from import" -l users -d 'The users file, if it is not the usual one' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from import" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from import" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from import" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from import" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write a new file, which root alone can read'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take a file in: retained messages on all nodes, bans and users on this one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand data; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -f -a "set-level" -d 'Set the least severity that is logged, until the next reload or restart'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -f -a "primary-level" -d 'Print the least severity that is logged, or set it as set-level does'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -f -a "handlers" -d 'Where the log goes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and not __fish_seen_subcommand_from set-level primary-level handlers help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from set-level" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from set-level" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from set-level" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from set-level" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from set-level" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from primary-level" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from primary-level" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from primary-level" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from primary-level" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from primary-level" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -f -a "list" -d 'All places'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -f -a "start" -d 'Write there again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -f -a "stop" -d 'Write nothing there, until the next reload or restart'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -f -a "set-level" -d 'Set the least severity that is written there, until the next reload or restart'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from handlers" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "set-level" -d 'Set the least severity that is logged, until the next reload or restart'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "primary-level" -d 'Print the least severity that is logged, or set it as set-level does'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "handlers" -d 'Where the log goes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'All of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from help" -f -a "list" -d 'All of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand plugins; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -f -a "list" -d 'All of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and not __fish_seen_subcommand_from list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from list" -l socket -d 'Socket of the node' -r -F
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from list" -l node -d 'Ask this running node of the cluster' -r
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from list" -l all -d 'Ask every running node of the cluster; each line begins with the name of its node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from help" -f -a "list" -d 'All of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand modules; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "status" -d 'Name, version and state of the node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "ping" -d 'Say nothing; exit 0 when the node answers, else 1'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "broker" -d 'Version, uptime and time; or its gauges, or its counters'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "cluster" -d 'The cluster: who is in it, join, leave'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "doctor" -d 'What keeps nodes apart: multicast, firewall, names, cookie, limits; and what mends it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "clients" -d 'Clients of this node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "topics" -d 'Route table: which node has subscribers of which topic'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "subscriptions" -d 'Subscriptions of this node\'s clients'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "retainer" -d 'Retained messages'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "user" -d 'Who may connect with a password, in the users file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "clientid" -d 'Which client ids may connect with a password, in the users file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "banned" -d 'Who is kept out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "mgmt" -d 'Applications that may use the HTTP API (management.* of emqx.conf)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "alarms" -d 'What is wrong on a node, and what was'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "why" -d 'What happened lately to a client: refused why, closed why, denied what, taken over by whom'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "acl" -d 'Cached answers of the HTTP server about what clients may do'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "listeners" -d 'What is open for clients; close and open it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "bridges" -d 'Bridges to brokers of others: how they stand; start and stop one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "trace" -d 'Write down what a client, a topic or an address sends and gets, packet by packet, for a while'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "traces" -d 'The same on every node under one name, as EMQX has it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "stats" -d 'Gauges, as `broker stats`'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "metrics" -d 'Counters, as `broker metrics`'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "cookie" -d 'The secret of the cluster, in its file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "vm" -d 'Load of the host, memory, threads and open files of the node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "pem_cache" -d 'Certificates in memory'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "conf" -d 'The configuration'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "data" -d 'Retained messages, bans and users: into a file, and out of it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "log" -d 'The log'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "plugins" -d 'Plugins of EMQX that are built in here'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "modules" -d 'Modules of EMQX that are built in here'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and not __fish_seen_subcommand_from status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from broker" -f -a "stats" -d 'Gauges'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from broker" -f -a "metrics" -d 'Counters'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "status" -d 'Running and stopped nodes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "discover" -d 'Nodes that discovery by multicast hears, and what it makes of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "discovery" -d 'Discovery itself'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "evacuate" -d 'Send the clients of this node to the others, before an upgrade'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "token" -d 'Print a token for the next box: cookie, cluster name, addresses'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "join" -d 'Join the cluster of a node, or the one of a token'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "leave" -d 'Leave the cluster and stay alone'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cluster" -f -a "force-leave" -d 'Take a member out that does not come back'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clients" -f -a "list" -d 'All clients'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clients" -f -a "show" -d 'One client'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clients" -f -a "kick" -d 'Disconnect a client and end its session'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from topics" -f -a "list" -d 'All routes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from topics" -f -a "show" -d 'Routes of one topic filter'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from subscriptions" -f -a "list" -d 'All subscriptions'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from subscriptions" -f -a "show" -d 'Those of one client'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from subscriptions" -f -a "add" -d 'Subscribe a client that is connected'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from subscriptions" -f -a "del" -d 'Take a subscription of a client that is connected out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from retainer" -f -a "info" -d 'How many there are'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from retainer" -f -a "topics" -d 'Their topics'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from retainer" -f -a "clean" -d 'Forget all, or those that a filter matches, on all nodes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "add" -d 'Add a user; the password is asked for, or taken from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "passwd" -d 'Give a user another password'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "del" -d 'Take a user out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from user" -f -a "list" -d 'All users'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clientid" -f -a "add" -d 'Add a client id; the password is asked for, or taken from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clientid" -f -a "update" -d 'Give a client id another password'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clientid" -f -a "delete" -d 'Take a client id out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from clientid" -f -a "list" -d 'All client ids'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from banned" -f -a "list" -d 'All bans that hold'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from banned" -f -a "add" -d 'Ban somebody and end the connections that are there'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from banned" -f -a "del" -d 'Take a ban out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from mgmt" -f -a "list" -d 'All of them; their secrets are not shown'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from mgmt" -f -a "insert" -d 'Make one; its secret is shown now and never again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from mgmt" -f -a "lookup" -d 'One of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from mgmt" -f -a "update" -d 'Let one in, or not'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from mgmt" -f -a "delete" -d 'Take one out'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from alarms" -f -a "list" -d 'All of them, those that are active, or those that are over'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from alarms" -f -a "delete" -d 'Forget those that are over'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from acl" -f -a "cache-clean" -d 'Ask again what clients may do'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from listeners" -f -a "list" -d 'All of them, as without a command'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from listeners" -f -a "start" -d 'Open one that was stopped'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from listeners" -f -a "stop" -d 'Take no client any more, until it is started or the node is; who is connected stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from listeners" -f -a "restart" -d 'Close and open it anew; who is connected stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from listeners" -f -a "enable" -d 'Start one, or stop it, as EMQX 5 has it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from bridges" -f -a "list" -d 'All of them, as without a command'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from bridges" -f -a "start" -d 'Start one on this node, until it or the node is stopped'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from bridges" -f -a "stop" -d 'Stop one on this node; what waits goes to other nodes that run it'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from trace" -f -a "list" -d 'Traces that run, and their files'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from trace" -f -a "start" -d 'Begin one; the answer names its file'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from trace" -f -a "stop" -d 'End one; its file stays'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from traces" -f -a "list" -d 'Traces that run, and what each node has written'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from traces" -f -a "start" -d 'Begin one on every node'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from traces" -f -a "stop" -d 'End one on every node; its files stay'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cookie" -f -a "show" -d 'Print the cookie'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cookie" -f -a "set" -d 'Take the cookie from standard input'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from cookie" -f -a "new" -d 'Make a new one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from pem_cache" -f -a "clean" -d 'Read the certificates of listeners and of the mesh again'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from conf" -f -a "show" -d 'Every setting in force, and where it comes from: file and line, variable, or default'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from conf" -f -a "reload" -d 'Read the configuration again and tell what changed; a bad one changes nothing'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from data" -f -a "export" -d 'Write a new file, which root alone can read'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from data" -f -a "import" -d 'Take a file in: retained messages on all nodes, bans and users on this one'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "set-level" -d 'Set the least severity that is logged, until the next reload or restart'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "primary-level" -d 'Print the least severity that is logged, or set it as set-level does'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "handlers" -d 'Where the log goes'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from plugins" -f -a "list" -d 'All of them'
complete -c emqx-rs-ctl -n "__fish_emqx_rs_ctl_using_subcommand help; and __fish_seen_subcommand_from modules" -f -a "list" -d 'All of them'
