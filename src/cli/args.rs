//! The arguments. The English help is here, the French one in `help`.

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Holds an SSH tunnel to the production server, and opens Grafana when it is truly healthy.
#[derive(Debug, Parser)]
#[command(
    name = "passerelle",
    bin_name = "passerelle",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    /// Use this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Keep everything that Passerelle writes here: each directory is a Passerelle of its own
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// Holds the tunnels in the background.
#[cfg(feature = "icon")]
#[derive(Debug, Parser)]
#[command(name = "passerelle-tray", bin_name = "passerelle-tray", version)]
pub(super) struct Tray {
    /// Use this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Keep everything that Passerelle writes here: each directory is a Passerelle of its own
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Where passwords are kept that you want kept: "keyring" (the system's) or "memory"
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        default_value = "keyring",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(super) secrets: Secrets,
    /// Who starts it, if not a person: it then stays away where it is not wanted
    #[arg(long, value_enum, value_name = "WHEN", hide = true)]
    pub(super) started: Option<Started>,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

/// What starts the tray program by itself.
#[cfg(feature = "icon")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Started {
    /// The system, when the user logs on.
    AtLogon,
    /// The installer, once it has replaced the program.
    AfterUpgrade,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Hold the tunnels in the foreground until Ctrl-C
    Run {
        /// Print the status as a JSON object, one a line, at each change
        #[arg(long)]
        json: bool,
        /// Where passwords are kept that you want kept: "keyring" (the system's) or "memory"
        #[arg(
            long,
            value_enum,
            value_name = "WHERE",
            default_value = "keyring",
            hide_default_value = true,
            hide_possible_values = true
        )]
        secrets: Secrets,
    },
    /// Say how the running Passerelle fares
    Status {
        /// As a JSON object
        #[arg(long)]
        json: bool,
        /// Again at each change, until Ctrl-C
        #[arg(long)]
        watch: bool,
    },
    /// Bring a tunnel up, or try again now; without a name, all of them
    Up {
        /// The tunnel's name
        tunnel: Option<String>,
    },
    /// Take a tunnel down; without a name, all of them
    Down {
        /// The tunnel's name
        tunnel: Option<String>,
    },
    /// Hang up and dial again; without a name, all of them
    Restart {
        /// The tunnel's name
        tunnel: Option<String>,
    },
    /// Wait until a service works, then open it in the browser
    Open {
        /// Its forward's name; without one, the primary forward
        forward: Option<String>,
        /// Print the address instead of opening it
        #[arg(long)]
        print: bool,
        /// How long to wait, such as 90s or 2m (20s without it)
        #[arg(
            long,
            value_name = "TIME",
            default_value = "20s",
            hide_default_value = true,
            value_parser = humantime::parse_duration
        )]
        timeout: Duration,
    },
    /// The server's key: look at it, accept it, forget it
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Hostkey {
        #[command(subcommand)]
        verb: HostkeyVerb,
    },
    /// Passwords: give one before it is asked for, or forget them
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Secret {
        #[command(subcommand)]
        verb: SecretVerb,
    },
    /// Answer what a tunnel asks: a password, a passphrase, or what the server wants to know.
    /// The answer is typed, or read from standard input, a line for each field
    Answer {
        /// The tunnel's name; without one, the tunnel that asks
        tunnel: Option<String>,
        /// Keep the password or passphrase in the system's keyring once it has worked
        #[arg(long)]
        remember: bool,
        /// Refuse to answer
        #[arg(long, conflicts_with = "remember")]
        cancel: bool,
    },
    /// Take everything down and end the running Passerelle
    Quit {
        /// The installer asks, and starts it again afterwards
        #[arg(long, hide = true)]
        for_upgrade: bool,
    },
    /// The configuration file: where it is, whether it is right
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Config {
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Print completions for a shell
    Completions {
        /// bash, elvish, fish, powershell or zsh
        #[arg(value_enum, hide_possible_values = true)]
        shell: Shell,
    },
    /// See it all work on this machine alone, with nothing to set up
    Demo {
        /// Print the address, open no browser
        #[arg(long)]
        headless: bool,
        /// End as soon as a page came through
        #[arg(long)]
        once: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum HostkeyVerb {
    /// Show the server's known keys, and one that waits to be accepted or is refused
    Show {
        /// The tunnel's name; without one, all of them
        tunnel: Option<String>,
    },
    /// Trust the key that the server shows: compare it with the one that IT gave you first
    Accept {
        /// The tunnel's name; without one, the tunnel that asks
        tunnel: Option<String>,
        /// Only if this is its fingerprint
        #[arg(long, value_name = "SHA256:…")]
        fingerprint: Option<String>,
    },
    /// Forget the key that was accepted for the tunnel's server
    Forget {
        /// The tunnel's name; not needed when there is only one
        tunnel: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretVerb {
    /// Give the account's password: it is typed, or read from standard input
    Set {
        /// The tunnel's name; not needed when there is only one
        tunnel: Option<String>,
        /// Keep it until Passerelle ends, not in the system's keyring
        #[arg(long)]
        temporary: bool,
    },
    /// Forget the tunnel's passwords and passphrases
    Clear {
        /// The tunnel's name; not needed when there is only one
        tunnel: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print where the configuration file is
    Path,
    /// Write a configuration file with every key explained; never overwrites one
    Init,
    /// Say whether the configuration is right, and if not, everything that is wrong
    Check,
    /// Print every value in force
    Show {
        /// With where each comes from
        #[arg(long)]
        origin: bool,
    },
}

/// Where passwords are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Secrets {
    Keyring,
    Memory,
}
