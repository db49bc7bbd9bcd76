//! `hailo completions` and `hailo man`: files for shells and for `man`, made from the definition of the commands.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde::Serialize;

use crate::Cli;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "Example:\n  hailo completions bash > ~/.local/share/bash-completion/completions/hailo")]
pub(crate) struct CompletionArguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn completions(arguments: &CompletionArguments, output: &mut Output) -> Result<ExitCode, Failure> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "hailo", &mut script);
    std::io::Write::write_all(output.writer(), &script)?;
    Ok(ExitCode::SUCCESS)
}

/// Write the manual pages of all commands into a directory
#[derive(Args)]
#[command(after_help = "Example:\n  hailo man --dir ~/.local/share/man/man1")]
pub(crate) struct ManArguments {
    /// The directory; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Pages {
    pages: Vec<PathBuf>,
}

impl Report for Pages {
    fn text(&self, out: &mut Paper<'_>) -> std::io::Result<()> {
        use std::io::Write;
        self.pages.iter().try_for_each(|page| writeln!(out, "{}", page.display()))
    }
}

pub(crate) fn man(arguments: &ManArguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let dir = &arguments.dir;
    fs::create_dir_all(dir).map_err(|error| Failure::file("create the directory", dir, &error))?;
    let mut command = Cli::command();
    command.build();
    let mut pages = Vec::new();
    write_pages(&command, dir, &mut pages)?;
    output.report(&Pages { pages })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the page of a command and those of its subcommands, `hailo-abi-structs.1`.
fn write_pages(command: &clap::Command, dir: &std::path::Path, pages: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let path = dir.join(format!("{name}.1"));
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut page)
        .and_then(|()| fs::write(&path, &page))
        .map_err(|error| Failure::file("write", &path, &error))?;
    pages.push(path);
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        write_pages(subcommand, dir, pages)?;
    }
    Ok(())
}
