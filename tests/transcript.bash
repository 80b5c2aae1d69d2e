# tests/transcript.bash - runs the examples of a document and compares their output exactly.

# run_examples FOLDER: stdin is Markdown. A line "    $ COMMAND" is run by bash in FOLDER; indented
# lines below it, up to the next command, are what it has to print. EXAMPLES counts the commands.
run_examples() {
    local folder=$1 line command='' expected=''
    EXAMPLES=0
    while IFS= read -r line; do
        if [[ $line == '    $ '* || $line == END ]]; then
            if [ -n "$command" ]; then
                EXAMPLES=$((EXAMPLES + 1))
                compare_example || return 1
            fi
            command=${line#    $ } expected=''
        elif [[ $line == '    '* ]]; then
            expected+=${line#    }$'\n'
        fi
    done < <(cat && echo END)
}

# The command may read nothing that belongs to the document.
compare_example() {
    diff <(printf '%s' "$expected" | sed '$ { /^$/d }') \
        <(cd "$folder" && timeout 60 bash -c "$command" 2>&1 </dev/null) || {
        echo "of: $command"
        return 1
    }
}
