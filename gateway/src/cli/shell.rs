//! What a shell and `man` are told about the command: `inventory completions`, `inventory man`.

use crate::error::{Error, Result};
use clap::{Args, Command};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "Example:\n  inventory completions bash > /etc/bash_completion.d/inventory")]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  inventory man | man -l -\n  inventory man --out /usr/local/share/man/man1"
)]
pub struct ManArgs {
    /// Folder to write a page a command into, instead of the first page to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn completions(mut command: Command, args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "inventory", &mut script);
    Ok(std::io::stdout().lock().write_all(&script)?)
}

pub fn man(command: Command, args: &ManArgs) -> Result<()> {
    if let Some(folder) = &args.out {
        return clap_mangen::generate_to(command, folder)
            .map_err(|cause| Error::usage(format!("--out {}: {cause}", folder.display())));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(std::io::stdout().lock().write_all(&page)?)
}
