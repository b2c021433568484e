//! `run` on a terminal: it asks there, and leaves the terminal as it was.

use crate::common::{Account, Config, Home, Process, Scratch, Sshd, Tunnel, tool, wait_until};
use std::fs;
use std::io::Write;
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(60);

const CTRL_C: &str = "\x03";

/// A terminal with `passerelle run` in it, and after that `stty -a`.
struct Terminal {
    process: Process,
    keyboard: ChildStdin,
    screen: Scratch,
}

impl Terminal {
    fn run(home: &Home) -> Self {
        // Ctrl-C reaches the shell too, and not every shell lives through it.
        Self::with_line(home, |run| {
            format!("trap : INT; {run}; code=$?; stty -a; exit $code")
        })
    }

    /// The shell stays in the foreground.
    fn run_in_background(home: &Home) -> Self {
        Self::with_line(home, |run| format!("set -m; {run} & wait $!"))
    }

    fn with_line(home: &Home, line: fn(&str) -> String) -> Self {
        let screen = Scratch::new();
        let command = home.command(&["run", "--secrets", "memory"]);
        // script(1) wants one line for the shell. Our paths have no character that a shell minds.
        let words: Vec<_> = command
            .get_args()
            .skip_while(|word| *word != env!("CARGO_BIN_EXE_passerelle"))
            .map(|word| word.to_string_lossy())
            .collect();
        let line = line(&words.join(" "));
        let mut script = Process::command(tool("script", "bsdutils"));
        script
            .args(["--quiet", "--flush", "--return", "--command", &line])
            .arg(screen.join("typescript"))
            .env("HOME", home.home(""))
            .env("LC_ALL", "C.UTF-8")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut process = Process::start("script", &mut script);
        let keyboard = process.child().stdin.take().expect("it is piped");
        Self {
            process,
            keyboard,
            screen,
        }
    }

    fn seen(&self) -> String {
        let bytes = fs::read(self.screen.join("typescript")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[track_caller]
    fn wait(&self, text: &str) {
        wait_until(&format!("the screen shows {text:?}"), BOUND, || {
            self.seen().contains(text)
        });
    }

    fn type_in(&mut self, text: &str) {
        let typed = self.keyboard.write_all(text.as_bytes());
        typed.expect("the terminal is there");
    }

    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        self.process.wait(BOUND)
    }
}

#[test]
fn questions_are_asked_where_the_user_is() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let home = Home::new(&Config::of(Tunnel::to(&sshd, "lab").password()));
    let mut terminal = Terminal::run(&home);
    terminal.wait("To trust this server");
    assert!(terminal.seen().contains(&sshd.host_key().fingerprint()));
    terminal.type_in("yes\n");
    terminal.wait("Password of the account");
    terminal.type_in("wrong-canary\n");
    terminal.wait("That password was refused");
    terminal.type_in(&format!("{}\n", account.password()));
    terminal.wait("everything works");
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.ended().code(), Some(0));
    for secret in ["wrong-canary", account.password()] {
        assert!(!terminal.seen().contains(secret), "{}", terminal.seen());
    }
}

#[test]
fn a_prompt_that_nobody_ends_leaves_the_terminal_as_it_was() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let config = Config::of(Tunnel::to(&sshd, "lab").password());
    let ends: [fn(&Home, &mut Terminal); 2] = [
        |_, terminal| terminal.type_in(CTRL_C),
        |home, _| drop(home.succeed(&["quit"])),
    ];
    for end in ends {
        let home = Home::new(&config).trusting(&sshd);
        let mut terminal = Terminal::run(&home);
        terminal.wait("Password of the account");
        end(&home, &mut terminal);
        assert_eq!(terminal.ended().code(), Some(0));
        let screen = terminal.seen();
        for mode in [" echo ", " icanon ", "\nisig "] {
            assert!(screen.contains(mode), "{mode}: {screen}");
        }
    }
}

#[test]
fn a_prompt_ends_with_its_question() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let home = Home::new(&Config::of(Tunnel::to(&sshd, "lab").password()));
    let mut terminal = Terminal::run(&home);
    terminal.wait("To trust this server");
    let fingerprint = sshd.host_key().fingerprint();
    home.succeed(&["hostkey", "accept", "--fingerprint", &fingerprint]);
    terminal.wait("needs no answer any more");
    terminal.wait("Password of the account");
    terminal.type_in("wrong-canary\n");
    terminal.wait("That password was refused");
    // The end of the input skips one question, and the answer may come from elsewhere.
    terminal.type_in("\x04");
    home.answer(account.password());
    terminal.wait("everything works");
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.ended().code(), Some(0));
    assert!(!terminal.seen().contains("wrong-canary"));
}

#[test]
fn half_of_an_answer_goes_with_its_question() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let home = Home::new(&Config::of(Tunnel::to(&sshd, "lab").password())).trusting(&sshd);
    let mut terminal = Terminal::with_line(&home, |run| {
        format!("{run}; read -r rest; echo \"rest is <$rest>\"")
    });
    terminal.wait("Password of the account");
    terminal.type_in("half of a canary");
    home.answer(account.password());
    terminal.wait("needs no answer any more");
    terminal.wait("everything works");
    home.succeed(&["quit"]);
    // The shell reads now.
    terminal.type_in("\n");
    terminal.wait("rest is <>");
    assert_eq!(terminal.ended().code(), Some(0));
    assert!(!terminal.seen().contains("canary"), "{}", terminal.seen());
}

#[test]
fn a_job_in_the_background_leaves_its_questions_and_ends() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let home = Home::new(&Config::of(Tunnel::to(&sshd, "lab").password())).trusting(&sshd);
    let mut terminal = Terminal::run_in_background(&home);
    terminal.wait("passerelle answer");
    home.answer(account.password());
    terminal.wait("everything works");
    assert!(!terminal.seen().contains("Password of the account"));
    home.succeed(&["quit"]);
    assert_eq!(terminal.ended().code(), Some(0));
}

#[test]
fn an_answer_from_elsewhere_is_as_good() {
    let account = Account::new();
    let sshd = Sshd::with_password(&account, "");
    let home = Home::new(&Config::of(Tunnel::to(&sshd, "lab").password())).trusting(&sshd);
    let mut terminal = Terminal::run(&home);
    terminal.wait("Password of the account");
    home.answer(account.password());
    terminal.wait("everything works");
    // What is typed now answers a question that stands no more.
    terminal.type_in("late\n");
    home.succeed(&["quit"]);
    assert_eq!(terminal.ended().code(), Some(0));
    assert_eq!(sshd.logged("Failed password"), 0);
}
