//! `annul`: a certificate revocation authority at the command line.
//!
//! It is a front to the crate and nothing more: each command is a call of
//! [`Authority`](annul::Authority), and every rule is decided there.

mod arguments;
mod bulk;
mod certificates;
mod crl;
mod demo;
mod distribution;
mod failure;
mod files;
mod import;
mod issuers;
mod lint;
mod log;
mod output;
mod publish;
mod rely;
mod session;
mod upkeep;
mod watch;

use arguments::{Arguments, Command};
use clap::Parser;
use failure::Failure;
use output::Output;
use session::Session;
use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let session = Session::new(&arguments);
    match run(&session, arguments.command) {
        Ok(code) => code,
        Err(failure) => failure.report(session.output),
    }
}

fn run(session: &Session, command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Check(command) => return rely::check(session, &command),
        Command::AddIssuer(command) => issuers::add(session, &command),
        Command::Reserve(command) => certificates::reserve(session, command),
        Command::Partition(command) => distribution::partition(session, &command),
        Command::Register(command) => certificates::register(session, &command),
        Command::Revoke(command) => certificates::revoke(session, &command),
        Command::Amend(command) => certificates::amend(session, &command),
        Command::RevokeCa(command) => issuers::revoke(session, &command),
        Command::Status(command) => certificates::status(session, &command),
        Command::ListIssuers => issuers::list(session),
        Command::List(command) => certificates::list(session, &command),
        Command::Crl(command) => crl::make(session, &command),
        Command::ShowCrl { file } => crl::show(session, &file),
        Command::VerifyCrl { file, issuer_cert } => crl::verify(session, &file, &issuer_cert),
        Command::Diff { old, new } => rely::diff(session, &old, &new),
        Command::Lint(command) => lint::run(session, &command),
        Command::Distribution(command) => distribution::set(session, &command),
        Command::Issue(command) => publish::issue(session, &command),
        Command::Delta(command) => publish::delta(session, &command),
        Command::Pending(command) => publish::pending(session, &command),
        Command::Overdue(command) => publish::overdue(session, &command),
        Command::Releases(command) => publish::releases(session, &command),
        Command::Import(command) => import::run(session, &command),
        Command::Watch { config } => watch::run(session, &config),
        Command::Log(command) => log::show(session, &command),
        Command::Compact(command) => upkeep::compact(session, &command),
        Command::Copy { to } => upkeep::copy(session, &to),
        Command::Demo { directory } => demo::run(session, directory),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// What clap has to say: help and versions are no errors.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.trim().trim_start_matches("error: ").to_owned();
        return Failure::Usage { message }.report(Output { json: true });
    }
    // Nothing is left to do where not even this can be printed.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
