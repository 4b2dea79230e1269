//! `thalweg completions`: the shell's script that completes commands, options, operators and runs.
//!
//! The script is made of what the command line is; what is known only when it is asked for, the operators of
//! this build and the runs of this moment, it gets from `thalweg ops --names` and `thalweg ps --names`.

use clap_complete::{Shell, generate};

use super::{Failure, command_line, give};

/// Print a shell's completion script
#[derive(clap::Args)]
pub struct Completions {
    /// The shell; operators and runs are completed in bash, zsh and fish
    shell: Shell,
}

/// The commands whose first argument is a run.
const TAKE_A_RUN: [&str; 6] = ["clean", "doctor", "resume", "set", "snapshot", "stop"];

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut command_line(), "thalweg", &mut script);
        let script = String::from_utf8_lossy(&script);
        give(&match self.shell {
            Shell::Bash => script.into_owned() + &in_bash(),
            Shell::Fish => script.into_owned() + &in_fish(),
            Shell::Zsh => in_zsh(&script),
            _ => script.into_owned(),
        })
    }
}

/// A function around the script's own.
fn in_bash() -> String {
    format!(
        r#"
_thalweg_named() {{
    _thalweg "$@"
    [[ ${{COMP_CWORD}} -eq 2 && $2 != -* ]] || return 0
    local names
    case "${{COMP_WORDS[1]}}" in
        ops) names="$("$1" ops --names 2>/dev/null)" ;;
        {}) names="$("$1" ps --names 2>/dev/null)" ;;
        *) return 0 ;;
    esac
    COMPREPLY=( $(compgen -W "${{names}}" -- "$2") )
}}

complete -F _thalweg_named -o bashdefault -o default thalweg
"#,
        TAKE_A_RUN.join("|")
    )
}

fn in_fish() -> String {
    let line = |command: &str, names: &str| {
        format!(
            "complete -c thalweg -n \"__fish_thalweg_using_subcommand {command}\" -f -a \"(thalweg {names} --names 2>/dev/null)\"\n"
        )
    };
    let runs = TAKE_A_RUN.iter().map(|command| line(command, "ps"));
    runs.chain([line("ops", "ops")]).collect()
}

/// The script completes any argument as a file; those that name a run or an operator get functions of ours.
fn in_zsh(script: &str) -> String {
    const FILES: &str = ":_default' \\";
    let mut own = String::new();
    for line in script.lines() {
        let names = [
            ("run -- ", "runs"),
            ("subject -- ", "runs"),
            ("name -- Explain ", "operators"),
        ];
        let argument = line.trim_start_matches("':").trim_start_matches(':');
        let is_argument = argument.len() < line.len();
        let of = names
            .iter()
            .find(|(begins, _)| is_argument && argument.starts_with(begins));
        match (of, line.strip_suffix(FILES)) {
            (Some((_, names)), Some(line)) => own += &format!("{line}:_thalweg_{names}' \\\n"),
            _ => own += &format!("{line}\n"),
        }
        if line.starts_with("#compdef") {
            own += ZSH_NAMES;
        }
    }
    own
}

const ZSH_NAMES: &str = r#"
_thalweg_runs() { compadd "$@" -- ${(f)"$(thalweg ps --names 2>/dev/null)"} }
_thalweg_operators() { compadd "$@" -- ${(f)"$(thalweg ops --names 2>/dev/null)"} }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(shell: Shell) -> String {
        let mut script = Vec::new();
        generate(shell, &mut command_line(), "thalweg", &mut script);
        String::from_utf8(script).unwrap()
    }

    #[test]
    fn in_zsh_every_argument_that_is_a_run_or_an_operator_is_completed_as_one() {
        let script = in_zsh(&generated(Shell::Zsh));
        let count = |what: &str| script.matches(what).count();
        assert_eq!(count(":_thalweg_runs' \\\n"), TAKE_A_RUN.len());
        assert_eq!(count(":_thalweg_operators' \\\n"), 1);
    }

    #[test]
    fn in_fish_the_condition_is_one_that_the_script_has() {
        let script = generated(Shell::Fish);
        assert!(
            script.contains("-n \"__fish_thalweg_using_subcommand stop\""),
            "{script}"
        );
    }
}
