# mount-helpers/completion/ntdumpfs.bash - completion for bash: ntdumpfs, ntdumpfs-symbols, ntdumpfs-diff.
# shellcheck shell=bash disable=SC2207 # words of compgen hold no blanks that matter here

_ntdumpfs_words() {
    echo symbols= nocache threads= cache= raw=list raw=hide raw=off sandbox=on sandbox=strict \
        sandbox=off uid= gid= umask= allow_other allow_root auto_unmount fsname= stats=
}

# A word of -o: what is before the last comma stays.
_ntdumpfs_option() {
    local before=
    [[ $1 == *,* ]] && before=${1%,*},
    COMPREPLY=($(compgen -P "$before" -W "$(_ntdumpfs_words)" -- "${1##*,}"))
    [[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace
}

_ntdumpfs() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    # '=' splits words: put the option together again.
    if [[ ${COMP_LINE:0:COMP_POINT} =~ [[:blank:]]-o[[:blank:]]*([^[:blank:]]*)$ ]]; then
        local whole=${BASH_REMATCH[1]} i
        _ntdumpfs_option "$whole"
        [[ $whole == *=* ]] && for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"${whole%"$word"}"}
        done
        return
    fi
    case $before in
    --explain | --symbol-id)
        compopt -o default
        COMPREPLY=()
        return
        ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W '-f -d -s -h --help -V --version -o --explain --tree --symbol-id' \
            -- "$word"))
        return
    fi
    compopt -o filenames -o default
    COMPREPLY=($(compgen -f -- "$word"))
}

_ntdumpfs_symbols() {
    local word=${COMP_WORDS[COMP_CWORD]}
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'list fetch import --help' -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W '--dir --server --help' -- "$word"))
    else
        compopt -o filenames -o default
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}

_ntdumpfs_diff() {
    local word=${COMP_WORDS[COMP_CWORD]} i operands=0
    if [[ ${COMP_LINE:0:COMP_POINT} =~ [[:blank:]]-o[[:blank:]]*([^[:blank:]]*)$ ]]; then
        _ntdumpfs
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W '-o --brief --color --color=always --color=never --sections --help' -- "$word"))
    else
        for ((i = 1; i < COMP_CWORD; i++)); do
            [[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i - 1]} == -o ]] || operands=$((operands + 1))
        done
        if ((operands >= 2)); then
            COMPREPLY=($(compgen -W "$(ntdumpfs-diff --sections 2>/dev/null | cut -f 1)" -- "$word"))
        else
            compopt -o filenames -o default
            COMPREPLY=($(compgen -f -- "$word"))
        fi
    fi
}

complete -F _ntdumpfs ntdumpfs mount.ntdumpfs
complete -F _ntdumpfs_diff ntdumpfs-diff
complete -F _ntdumpfs_symbols ntdumpfs-symbols
