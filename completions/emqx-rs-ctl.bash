_emqx__rs__ctl() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="emqx__rs__ctl"
                ;;
            emqx__rs__ctl,acl)
                cmd="emqx__rs__ctl__subcmd__acl"
                ;;
            emqx__rs__ctl,alarms)
                cmd="emqx__rs__ctl__subcmd__alarms"
                ;;
            emqx__rs__ctl,banned)
                cmd="emqx__rs__ctl__subcmd__banned"
                ;;
            emqx__rs__ctl,bridges)
                cmd="emqx__rs__ctl__subcmd__bridges"
                ;;
            emqx__rs__ctl,broker)
                cmd="emqx__rs__ctl__subcmd__broker"
                ;;
            emqx__rs__ctl,clientid)
                cmd="emqx__rs__ctl__subcmd__clientid"
                ;;
            emqx__rs__ctl,clients)
                cmd="emqx__rs__ctl__subcmd__clients"
                ;;
            emqx__rs__ctl,cluster)
                cmd="emqx__rs__ctl__subcmd__cluster"
                ;;
            emqx__rs__ctl,conf)
                cmd="emqx__rs__ctl__subcmd__conf"
                ;;
            emqx__rs__ctl,cookie)
                cmd="emqx__rs__ctl__subcmd__cookie"
                ;;
            emqx__rs__ctl,data)
                cmd="emqx__rs__ctl__subcmd__data"
                ;;
            emqx__rs__ctl,doctor)
                cmd="emqx__rs__ctl__subcmd__doctor"
                ;;
            emqx__rs__ctl,help)
                cmd="emqx__rs__ctl__subcmd__help"
                ;;
            emqx__rs__ctl,listeners)
                cmd="emqx__rs__ctl__subcmd__listeners"
                ;;
            emqx__rs__ctl,log)
                cmd="emqx__rs__ctl__subcmd__log"
                ;;
            emqx__rs__ctl,metrics)
                cmd="emqx__rs__ctl__subcmd__metrics"
                ;;
            emqx__rs__ctl,mgmt)
                cmd="emqx__rs__ctl__subcmd__mgmt"
                ;;
            emqx__rs__ctl,modules)
                cmd="emqx__rs__ctl__subcmd__modules"
                ;;
            emqx__rs__ctl,pem_cache)
                cmd="emqx__rs__ctl__subcmd__pem_cache"
                ;;
            emqx__rs__ctl,ping)
                cmd="emqx__rs__ctl__subcmd__ping"
                ;;
            emqx__rs__ctl,plugins)
                cmd="emqx__rs__ctl__subcmd__plugins"
                ;;
            emqx__rs__ctl,retainer)
                cmd="emqx__rs__ctl__subcmd__retainer"
                ;;
            emqx__rs__ctl,stats)
                cmd="emqx__rs__ctl__subcmd__stats"
                ;;
            emqx__rs__ctl,status)
                cmd="emqx__rs__ctl__subcmd__status"
                ;;
            emqx__rs__ctl,subscriptions)
                cmd="emqx__rs__ctl__subcmd__subscriptions"
                ;;
            emqx__rs__ctl,topics)
                cmd="emqx__rs__ctl__subcmd__topics"
                ;;
            emqx__rs__ctl,trace)
                cmd="emqx__rs__ctl__subcmd__trace"
                ;;
            emqx__rs__ctl,traces)
                cmd="emqx__rs__ctl__subcmd__traces"
                ;;
            emqx__rs__ctl,user)
                cmd="emqx__rs__ctl__subcmd__user"
                ;;
            emqx__rs__ctl,vm)
                cmd="emqx__rs__ctl__subcmd__vm"
                ;;
            emqx__rs__ctl,why)
                cmd="emqx__rs__ctl__subcmd__why"
                ;;
            emqx__rs__ctl__subcmd__acl,cache-clean)
                cmd="emqx__rs__ctl__subcmd__acl__subcmd__cache__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__acl,help)
                cmd="emqx__rs__ctl__subcmd__acl__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__acl__subcmd__help,cache-clean)
                cmd="emqx__rs__ctl__subcmd__acl__subcmd__help__subcmd__cache__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__acl__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__acl__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__alarms,delete)
                cmd="emqx__rs__ctl__subcmd__alarms__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__alarms,help)
                cmd="emqx__rs__ctl__subcmd__alarms__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__alarms,list)
                cmd="emqx__rs__ctl__subcmd__alarms__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__alarms__subcmd__help,delete)
                cmd="emqx__rs__ctl__subcmd__alarms__subcmd__help__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__alarms__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__alarms__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__alarms__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__alarms__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__banned,add)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__banned,del)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__banned,help)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__banned,list)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__banned__subcmd__help,add)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__banned__subcmd__help,del)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__banned__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__banned__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__bridges,help)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__bridges,list)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__bridges,start)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__bridges,stop)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__bridges__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__bridges__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__bridges__subcmd__help,start)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__bridges__subcmd__help,stop)
                cmd="emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__broker,help)
                cmd="emqx__rs__ctl__subcmd__broker__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__broker,metrics)
                cmd="emqx__rs__ctl__subcmd__broker__subcmd__metrics"
                ;;
            emqx__rs__ctl__subcmd__broker,stats)
                cmd="emqx__rs__ctl__subcmd__broker__subcmd__stats"
                ;;
            emqx__rs__ctl__subcmd__broker__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__broker__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__broker__subcmd__help,metrics)
                cmd="emqx__rs__ctl__subcmd__broker__subcmd__help__subcmd__metrics"
                ;;
            emqx__rs__ctl__subcmd__broker__subcmd__help,stats)
                cmd="emqx__rs__ctl__subcmd__broker__subcmd__help__subcmd__stats"
                ;;
            emqx__rs__ctl__subcmd__clientid,add)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__clientid,delete)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__clientid,help)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__clientid,list)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__clientid,update)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__update"
                ;;
            emqx__rs__ctl__subcmd__clientid__subcmd__help,add)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__clientid__subcmd__help,delete)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__clientid__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__clientid__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__clientid__subcmd__help,update)
                cmd="emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__update"
                ;;
            emqx__rs__ctl__subcmd__clients,help)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__clients,kick)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__kick"
                ;;
            emqx__rs__ctl__subcmd__clients,list)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__clients,show)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__clients__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__clients__subcmd__help,kick)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__kick"
                ;;
            emqx__rs__ctl__subcmd__clients__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__clients__subcmd__help,show)
                cmd="emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__cluster,discover)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__discover"
                ;;
            emqx__rs__ctl__subcmd__cluster,discovery)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__discovery"
                ;;
            emqx__rs__ctl__subcmd__cluster,evacuate)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate"
                ;;
            emqx__rs__ctl__subcmd__cluster,force-leave)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__force__subcmd__leave"
                ;;
            emqx__rs__ctl__subcmd__cluster,help)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cluster,join)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__join"
                ;;
            emqx__rs__ctl__subcmd__cluster,leave)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__leave"
                ;;
            emqx__rs__ctl__subcmd__cluster,status)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__cluster,token)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__token"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__discovery,enable)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__discovery,help)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help,enable)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate,help)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate,start)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate,status)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate,stop)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help,start)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help,status)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help,stop)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,discover)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discover"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,discovery)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discovery"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,evacuate)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,force-leave)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__force__subcmd__leave"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,join)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__join"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,leave)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__leave"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,status)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help,token)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__token"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discovery,enable)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discovery__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate,start)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate,status)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate,stop)
                cmd="emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__conf,help)
                cmd="emqx__rs__ctl__subcmd__conf__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__conf,reload)
                cmd="emqx__rs__ctl__subcmd__conf__subcmd__reload"
                ;;
            emqx__rs__ctl__subcmd__conf,show)
                cmd="emqx__rs__ctl__subcmd__conf__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__conf__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__conf__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__conf__subcmd__help,reload)
                cmd="emqx__rs__ctl__subcmd__conf__subcmd__help__subcmd__reload"
                ;;
            emqx__rs__ctl__subcmd__conf__subcmd__help,show)
                cmd="emqx__rs__ctl__subcmd__conf__subcmd__help__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__cookie,help)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cookie,new)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__new"
                ;;
            emqx__rs__ctl__subcmd__cookie,set)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__set"
                ;;
            emqx__rs__ctl__subcmd__cookie,show)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__cookie__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__cookie__subcmd__help,new)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__new"
                ;;
            emqx__rs__ctl__subcmd__cookie__subcmd__help,set)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__set"
                ;;
            emqx__rs__ctl__subcmd__cookie__subcmd__help,show)
                cmd="emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__data,export)
                cmd="emqx__rs__ctl__subcmd__data__subcmd__export"
                ;;
            emqx__rs__ctl__subcmd__data,help)
                cmd="emqx__rs__ctl__subcmd__data__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__data,import)
                cmd="emqx__rs__ctl__subcmd__data__subcmd__import"
                ;;
            emqx__rs__ctl__subcmd__data__subcmd__help,export)
                cmd="emqx__rs__ctl__subcmd__data__subcmd__help__subcmd__export"
                ;;
            emqx__rs__ctl__subcmd__data__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__data__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__data__subcmd__help,import)
                cmd="emqx__rs__ctl__subcmd__data__subcmd__help__subcmd__import"
                ;;
            emqx__rs__ctl__subcmd__help,acl)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__acl"
                ;;
            emqx__rs__ctl__subcmd__help,alarms)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__alarms"
                ;;
            emqx__rs__ctl__subcmd__help,banned)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__banned"
                ;;
            emqx__rs__ctl__subcmd__help,bridges)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__bridges"
                ;;
            emqx__rs__ctl__subcmd__help,broker)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__broker"
                ;;
            emqx__rs__ctl__subcmd__help,clientid)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clientid"
                ;;
            emqx__rs__ctl__subcmd__help,clients)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clients"
                ;;
            emqx__rs__ctl__subcmd__help,cluster)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster"
                ;;
            emqx__rs__ctl__subcmd__help,conf)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__conf"
                ;;
            emqx__rs__ctl__subcmd__help,cookie)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cookie"
                ;;
            emqx__rs__ctl__subcmd__help,data)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__data"
                ;;
            emqx__rs__ctl__subcmd__help,doctor)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__doctor"
                ;;
            emqx__rs__ctl__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__help,listeners)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__listeners"
                ;;
            emqx__rs__ctl__subcmd__help,log)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log"
                ;;
            emqx__rs__ctl__subcmd__help,metrics)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__metrics"
                ;;
            emqx__rs__ctl__subcmd__help,mgmt)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__mgmt"
                ;;
            emqx__rs__ctl__subcmd__help,modules)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__modules"
                ;;
            emqx__rs__ctl__subcmd__help,pem_cache)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__pem_cache"
                ;;
            emqx__rs__ctl__subcmd__help,ping)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__ping"
                ;;
            emqx__rs__ctl__subcmd__help,plugins)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__plugins"
                ;;
            emqx__rs__ctl__subcmd__help,retainer)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__retainer"
                ;;
            emqx__rs__ctl__subcmd__help,stats)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__stats"
                ;;
            emqx__rs__ctl__subcmd__help,status)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__help,subscriptions)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__subscriptions"
                ;;
            emqx__rs__ctl__subcmd__help,topics)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__topics"
                ;;
            emqx__rs__ctl__subcmd__help,trace)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__trace"
                ;;
            emqx__rs__ctl__subcmd__help,traces)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__traces"
                ;;
            emqx__rs__ctl__subcmd__help,user)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__user"
                ;;
            emqx__rs__ctl__subcmd__help,vm)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__vm"
                ;;
            emqx__rs__ctl__subcmd__help,why)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__why"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__acl,cache-clean)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__acl__subcmd__cache__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__alarms,delete)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__alarms__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__alarms,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__alarms__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__banned,add)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__banned__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__banned,del)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__banned__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__banned,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__banned__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__bridges,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__bridges__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__bridges,start)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__bridges__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__bridges,stop)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__bridges__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__broker,metrics)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__broker__subcmd__metrics"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__broker,stats)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__broker__subcmd__stats"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clientid,add)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clientid,delete)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clientid,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clientid,update)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__update"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clients,kick)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clients__subcmd__kick"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clients,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clients__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__clients,show)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__clients__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,discover)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discover"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,discovery)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discovery"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,evacuate)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,force-leave)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__force__subcmd__leave"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,join)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__join"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,leave)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__leave"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,status)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster,token)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__token"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discovery,enable)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discovery__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate,start)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate,status)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate__subcmd__status"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate,stop)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__conf,reload)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__conf__subcmd__reload"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__conf,show)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__conf__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cookie,new)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cookie__subcmd__new"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cookie,set)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cookie__subcmd__set"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__cookie,show)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__cookie__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__data,export)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__data__subcmd__export"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__data,import)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__data__subcmd__import"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__listeners,enable)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__listeners,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__listeners,restart)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__restart"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__listeners,start)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__listeners,stop)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log,handlers)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log,primary-level)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__primary__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log,set-level)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers,set-level)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers,start)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers,stop)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__mgmt,delete)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__mgmt,insert)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__insert"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__mgmt,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__mgmt,lookup)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__lookup"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__mgmt,update)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__update"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__modules,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__modules__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__pem_cache,clean)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__pem_cache__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__plugins,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__plugins__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__retainer,clean)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__retainer__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__retainer,info)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__retainer__subcmd__info"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__retainer,topics)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__retainer__subcmd__topics"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__subscriptions,add)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__subscriptions,del)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__subscriptions,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__subscriptions,show)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__topics,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__topics__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__topics,show)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__topics__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__trace,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__trace__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__trace,start)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__trace__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__trace,stop)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__trace__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__traces,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__traces__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__traces,start)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__traces__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__traces,stop)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__traces__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__user,add)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__user,del)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__user,list)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__help__subcmd__user,passwd)
                cmd="emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__passwd"
                ;;
            emqx__rs__ctl__subcmd__listeners,enable)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__listeners,help)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__listeners,list)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__listeners,restart)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__restart"
                ;;
            emqx__rs__ctl__subcmd__listeners,start)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__listeners,stop)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__listeners__subcmd__help,enable)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__enable"
                ;;
            emqx__rs__ctl__subcmd__listeners__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__listeners__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__listeners__subcmd__help,restart)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__restart"
                ;;
            emqx__rs__ctl__subcmd__listeners__subcmd__help,start)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__listeners__subcmd__help,stop)
                cmd="emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__log,handlers)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers"
                ;;
            emqx__rs__ctl__subcmd__log,help)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__log,primary-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__primary__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log,set-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers,help)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers,list)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers,set-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers,start)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers,stop)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help,set-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help,start)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help,stop)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help,handlers)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help,primary-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__primary__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help,set-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers,list)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers,set-level)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__set__subcmd__level"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers,start)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers,stop)
                cmd="emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__mgmt,delete)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__mgmt,help)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__mgmt,insert)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__insert"
                ;;
            emqx__rs__ctl__subcmd__mgmt,list)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__mgmt,lookup)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__lookup"
                ;;
            emqx__rs__ctl__subcmd__mgmt,update)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__update"
                ;;
            emqx__rs__ctl__subcmd__mgmt__subcmd__help,delete)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__delete"
                ;;
            emqx__rs__ctl__subcmd__mgmt__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__mgmt__subcmd__help,insert)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__insert"
                ;;
            emqx__rs__ctl__subcmd__mgmt__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__mgmt__subcmd__help,lookup)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__lookup"
                ;;
            emqx__rs__ctl__subcmd__mgmt__subcmd__help,update)
                cmd="emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__update"
                ;;
            emqx__rs__ctl__subcmd__modules,help)
                cmd="emqx__rs__ctl__subcmd__modules__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__modules,list)
                cmd="emqx__rs__ctl__subcmd__modules__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__modules__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__modules__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__modules__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__modules__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__pem_cache,clean)
                cmd="emqx__rs__ctl__subcmd__pem_cache__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__pem_cache,help)
                cmd="emqx__rs__ctl__subcmd__pem_cache__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__pem_cache__subcmd__help,clean)
                cmd="emqx__rs__ctl__subcmd__pem_cache__subcmd__help__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__pem_cache__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__pem_cache__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__plugins,help)
                cmd="emqx__rs__ctl__subcmd__plugins__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__plugins,list)
                cmd="emqx__rs__ctl__subcmd__plugins__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__plugins__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__plugins__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__plugins__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__plugins__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__retainer,clean)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__retainer,help)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__retainer,info)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__info"
                ;;
            emqx__rs__ctl__subcmd__retainer,topics)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__topics"
                ;;
            emqx__rs__ctl__subcmd__retainer__subcmd__help,clean)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__clean"
                ;;
            emqx__rs__ctl__subcmd__retainer__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__retainer__subcmd__help,info)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__info"
                ;;
            emqx__rs__ctl__subcmd__retainer__subcmd__help,topics)
                cmd="emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__topics"
                ;;
            emqx__rs__ctl__subcmd__subscriptions,add)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__subscriptions,del)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__subscriptions,help)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__subscriptions,list)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__subscriptions,show)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__subscriptions__subcmd__help,add)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__subscriptions__subcmd__help,del)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__subscriptions__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__subscriptions__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__subscriptions__subcmd__help,show)
                cmd="emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__topics,help)
                cmd="emqx__rs__ctl__subcmd__topics__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__topics,list)
                cmd="emqx__rs__ctl__subcmd__topics__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__topics,show)
                cmd="emqx__rs__ctl__subcmd__topics__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__topics__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__topics__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__topics__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__topics__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__topics__subcmd__help,show)
                cmd="emqx__rs__ctl__subcmd__topics__subcmd__help__subcmd__show"
                ;;
            emqx__rs__ctl__subcmd__trace,help)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__trace,list)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__trace,start)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__trace,stop)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__trace__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__trace__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__trace__subcmd__help,start)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__trace__subcmd__help,stop)
                cmd="emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__traces,help)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__traces,list)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__traces,start)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__traces,stop)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__traces__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__traces__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__traces__subcmd__help,start)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__start"
                ;;
            emqx__rs__ctl__subcmd__traces__subcmd__help,stop)
                cmd="emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__stop"
                ;;
            emqx__rs__ctl__subcmd__user,add)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__user,del)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__user,help)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__user,list)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__user,passwd)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__passwd"
                ;;
            emqx__rs__ctl__subcmd__user__subcmd__help,add)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__add"
                ;;
            emqx__rs__ctl__subcmd__user__subcmd__help,del)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__del"
                ;;
            emqx__rs__ctl__subcmd__user__subcmd__help,help)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__help"
                ;;
            emqx__rs__ctl__subcmd__user__subcmd__help,list)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__list"
                ;;
            emqx__rs__ctl__subcmd__user__subcmd__help,passwd)
                cmd="emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__passwd"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        emqx__rs__ctl)
            opts="-h -V --socket --json --all --node --help --version status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__acl)
            opts="-h --socket --json --all --node --help cache-clean help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__acl__subcmd__cache__subcmd__clean)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__acl__subcmd__help)
            opts="cache-clean help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__acl__subcmd__help__subcmd__cache__subcmd__clean)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__acl__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms)
            opts="-h --socket --json --all --node --help list delete help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms__subcmd__delete)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms__subcmd__help)
            opts="list delete help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms__subcmd__help__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__alarms__subcmd__list)
            opts="-h --socket --json --all --node --help activated deactivated"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned)
            opts="-h --socket --json --all --node --help list add del help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__add)
            opts="-h --for --reason --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --for)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --reason)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__del)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__help)
            opts="list add del help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__del)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__banned__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges)
            opts="-h --socket --json --all --node --help list start stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__help)
            opts="list start stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__start)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__bridges__subcmd__stop)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker)
            opts="-h --socket --json --all --node --help stats metrics help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker__subcmd__help)
            opts="stats metrics help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker__subcmd__help__subcmd__metrics)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker__subcmd__help__subcmd__stats)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker__subcmd__metrics)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__broker__subcmd__stats)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid)
            opts="-h --file --socket --json --all --node --help add update delete list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__add)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__delete)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__help)
            opts="add update delete list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__list)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clientid__subcmd__update)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients)
            opts="-h --socket --json --all --node --help list show kick help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__help)
            opts="list show kick help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__kick)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__kick)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__clients__subcmd__show)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster)
            opts="-h --socket --json --all --node --help status discover discovery evacuate token join leave force-leave help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__discover)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__discovery)
            opts="-h --socket --json --all --node --help enable help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__enable)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help)
            opts="enable help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help__subcmd__enable)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__discovery__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate)
            opts="-h --socket --json --all --node --help start status stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help)
            opts="start status stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__start)
            opts="-h --rate --to --force --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --rate)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --to)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__status)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__evacuate__subcmd__stop)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__force__subcmd__leave)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help)
            opts="status discover discovery evacuate token join leave force-leave help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discover)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discovery)
            opts="enable"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__discovery__subcmd__enable)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate)
            opts="start status stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__evacuate__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__force__subcmd__leave)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__join)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__leave)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__help__subcmd__token)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__join)
            opts="-h --no-restart --file --data --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --data)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__leave)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__status)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cluster__subcmd__token)
            opts="-h --file --data --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --data)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf)
            opts="-h --socket --json --all --node --help show reload help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf__subcmd__help)
            opts="show reload help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf__subcmd__help__subcmd__reload)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf__subcmd__reload)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__conf__subcmd__show)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie)
            opts="-h --file --socket --json --all --node --help show set new help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__help)
            opts="show set new help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__new)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__set)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__new)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__set)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__cookie__subcmd__show)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data)
            opts="-h --socket --json --all --node --help export import help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data__subcmd__export)
            opts="-h --users --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --users)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data__subcmd__help)
            opts="export import help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data__subcmd__help__subcmd__export)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data__subcmd__help__subcmd__import)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__data__subcmd__import)
            opts="-h --users --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --users)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__doctor)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help)
            opts="status ping broker cluster doctor clients topics subscriptions retainer user clientid banned mgmt alarms why acl listeners bridges trace traces stats metrics cookie vm pem_cache conf data log plugins modules help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__acl)
            opts="cache-clean"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__acl__subcmd__cache__subcmd__clean)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__alarms)
            opts="list delete"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__alarms__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__alarms__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__banned)
            opts="list add del"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__banned__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__banned__subcmd__del)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__banned__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__bridges)
            opts="list start stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__bridges__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__bridges__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__bridges__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__broker)
            opts="stats metrics"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__broker__subcmd__metrics)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__broker__subcmd__stats)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clientid)
            opts="add update delete list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clientid__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clients)
            opts="list show kick"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clients__subcmd__kick)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clients__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__clients__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster)
            opts="status discover discovery evacuate token join leave force-leave"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discover)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discovery)
            opts="enable"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__discovery__subcmd__enable)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate)
            opts="start status stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__evacuate__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__force__subcmd__leave)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__join)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__leave)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cluster__subcmd__token)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__conf)
            opts="show reload"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__conf__subcmd__reload)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__conf__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cookie)
            opts="show set new"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cookie__subcmd__new)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cookie__subcmd__set)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__cookie__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__data)
            opts="export import"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__data__subcmd__export)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__data__subcmd__import)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__doctor)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__listeners)
            opts="list start stop restart enable"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__enable)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__restart)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__listeners__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log)
            opts="set-level primary-level handlers"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers)
            opts="list start stop set-level"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__set__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__handlers__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__primary__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__log__subcmd__set__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__metrics)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__mgmt)
            opts="list insert lookup update delete"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__insert)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__lookup)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__mgmt__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__modules)
            opts="list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__modules__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__pem_cache)
            opts="clean"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__pem_cache__subcmd__clean)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__ping)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__plugins)
            opts="list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__plugins__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__retainer)
            opts="info topics clean"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__retainer__subcmd__clean)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__retainer__subcmd__info)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__retainer__subcmd__topics)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__stats)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__status)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__subscriptions)
            opts="list show add del"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__del)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__subscriptions__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__topics)
            opts="list show"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__topics__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__topics__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__trace)
            opts="list start stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__trace__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__trace__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__trace__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__traces)
            opts="list start stop"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__traces__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__traces__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__traces__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__user)
            opts="add passwd del list"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__del)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__user__subcmd__passwd)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__vm)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__help__subcmd__why)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners)
            opts="-h --socket --json --all --node --help list start stop restart enable help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__enable)
            opts="-h --socket --json --all --node --help true false"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help)
            opts="list start stop restart enable help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__enable)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__restart)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__restart)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__start)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__listeners__subcmd__stop)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log)
            opts="-h --socket --json --all --node --help set-level primary-level handlers help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers)
            opts="-h --socket --json --all --node --help list start stop set-level help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help)
            opts="list start stop set-level help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__set__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__set__subcmd__level)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__start)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__handlers__subcmd__stop)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help)
            opts="set-level primary-level handlers help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers)
            opts="list start stop set-level"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__set__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__handlers__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 5 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__primary__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__help__subcmd__set__subcmd__level)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__primary__subcmd__level)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__log__subcmd__set__subcmd__level)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__metrics)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt)
            opts="-h --socket --json --all --node --help list insert lookup update delete help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__delete)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help)
            opts="list insert lookup update delete help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__delete)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__insert)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__lookup)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__help__subcmd__update)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__insert)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__lookup)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__mgmt__subcmd__update)
            opts="-h --socket --json --all --node --help true false"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__modules)
            opts="-h --socket --json --all --node --help list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__modules__subcmd__help)
            opts="list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__modules__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__modules__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__modules__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__pem_cache)
            opts="-h --socket --json --all --node --help clean help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__pem_cache__subcmd__clean)
            opts="-h --socket --json --all --node --help all node"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__pem_cache__subcmd__help)
            opts="clean help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__pem_cache__subcmd__help__subcmd__clean)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__pem_cache__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__ping)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__plugins)
            opts="-h --socket --json --all --node --help list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__plugins__subcmd__help)
            opts="list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__plugins__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__plugins__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__plugins__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer)
            opts="-h --socket --json --all --node --help info topics clean help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__clean)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__help)
            opts="info topics clean help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__clean)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__info)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__help__subcmd__topics)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__info)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__retainer__subcmd__topics)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__stats)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__status)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions)
            opts="-h --socket --json --all --node --help list show add del help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__add)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__del)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__help)
            opts="list show add del help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__del)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__subscriptions__subcmd__show)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics)
            opts="-h --socket --json --all --node --help list show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics__subcmd__help)
            opts="list show help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics__subcmd__help__subcmd__show)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__topics__subcmd__show)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace)
            opts="-h --socket --json --all --node --help list start stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__help)
            opts="list start stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__start)
            opts="-h --for --socket --json --all --node --help client topic ip_address"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --for)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__trace__subcmd__stop)
            opts="-h --socket --json --all --node --help client topic ip_address"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces)
            opts="-h --socket --json --all --node --help list start stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__help)
            opts="list start stop help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__start)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__help__subcmd__stop)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__list)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__start)
            opts="-h --socket --json --all --node --help client topic ip_address"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__traces__subcmd__stop)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user)
            opts="-h --file --socket --json --all --node --help add passwd del list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__add)
            opts="-h --superuser --scram --iterations --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --iterations)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__del)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__help)
            opts="add passwd del list help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__add)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__del)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__help)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__list)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__help__subcmd__passwd)
            opts=""
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 4 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__list)
            opts="-h --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__user__subcmd__passwd)
            opts="-h --scram --iterations --file --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --iterations)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__vm)
            opts="-h --socket --json --all --node --help all load memory process io ports"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        emqx__rs__ctl__subcmd__why)
            opts="-h --socket --json --all --node --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --socket)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --node)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _emqx__rs__ctl -o nosort -o bashdefault -o default emqx-rs-ctl
else
    complete -F _emqx__rs__ctl -o bashdefault -o default emqx-rs-ctl
fi
