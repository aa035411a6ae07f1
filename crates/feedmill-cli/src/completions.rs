//! `feedmill completions`.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::output::{Failure, Out};
use crate::{Cli, Verdict};

/// Write a completion script for a shell to standard output
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        // Into memory first: the generator panics if its writer fails.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "feedmill", &mut script);
        out.write_all(&script)?;
        Ok(Verdict::Fine)
    }
}
