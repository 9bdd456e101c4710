//! What `inventory serve` would run with here: each setting's flag, variable and value, secrets hidden.

use super::screen::{Screen, text};
use crate::error::Result;
use clap::{Arg, Command};

struct Setting {
    flag: String,
    variable: String,
    value: String,
    from: &'static str,
}

/// People see it; programs have the same variables.
pub fn show(screen: &Screen, serve: &Command) -> Result<()> {
    let settings: Vec<Setting> = serve.get_arguments().filter_map(setting).collect();
    screen.say("\nSettings that `inventory serve` would run with here:")?;
    screen.table(
        &settings,
        &[
            text("flag", |s: &Setting| s.flag.clone()),
            text("variable", |s| s.variable.clone()),
            text("value", |s| s.value.clone()),
            text("from", |s| s.from.to_owned()),
        ],
    )
}

fn setting(argument: &Arg) -> Option<Setting> {
    let variable = argument.get_env()?.to_str()?.to_owned();
    let given = std::env::var(&variable).ok().filter(|value| !value.is_empty());
    let from = if given.is_some() { "variable" } else { "default" };
    let usual = || {
        let words = argument.get_default_values().iter().map(|value| value.to_string_lossy());
        words.collect::<Vec<_>>().join(",")
    };
    let value = match given {
        Some(_) if argument.is_hide_env_values_set() => "(hidden)".to_owned(),
        Some(value) => value,
        None => usual(),
    };
    Some(Setting { flag: format!("--{}", argument.get_long()?), variable, value, from })
}
