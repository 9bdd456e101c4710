#!/bin/bash
# Follows a gateway's events with nothing but curl, through restarts, and prints each as a line of JSON.
# follow.sh URL KEY
last=
while sleep 0.05; do
    id='' event='' data=''
    while IFS= read -r line; do
        case $line in
        'id: '*) id=${line#id: } ;;
        'event: '*) event=${line#event: } ;;
        'data: '*) data=${line#data: } ;;
        '')
            # Only what came whole counts; what broke off comes again.
            [ -n "$id" ] && last=$id
            [ -n "$data" ] && [ "$event" != position ] && printf '%s\n' "$data"
            id='' event='' data=''
            ;;
        esac
    done < <(curl -sN -H "Authorization: Bearer $2" ${last:+-H "Last-Event-ID: $last"} "$1")
done
