/**
 * The completion script of each shell. All ask the program itself, `schedgate __complete WORDS...`: candidates with their
 * descriptions behind a tab, then `:0` where a file may stand, else `:4`.
 */
export const SHELLS: Readonly<Record<string, string>> = {
  bash: `# bash completion for schedgate
_schedgate() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :0) compopt -o default ;;
      :*) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(schedgate __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _schedgate schedgate`,
  zsh: `#compdef schedgate
# zsh completion for schedgate
_schedgate() {
  local line files
  local -i none=1
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :0) files=yes ;;
      :*) ;;
      *) candidates+=("\${line/$'\\t'/:}") ;;
    esac
  done < <(schedgate __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe schedgate candidates && none=0
  [[ -n $files ]] && _files && none=0
  return none
}
if [[ $funcstack[1] == _schedgate ]]; then _schedgate "$@"; else compdef _schedgate schedgate; fi`,
  fish: `# fish completion for schedgate
function __schedgate_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (schedgate __complete $words[2..-1] 2>/dev/null)
    switch $line
      case ':0'
        __fish_complete_path (commandline -ct)
      case ':*'
      case '*'
        echo $line
    end
  end
end
complete -c schedgate -f -a '(__schedgate_complete)'`,
};
