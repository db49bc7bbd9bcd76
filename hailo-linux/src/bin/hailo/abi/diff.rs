//! `hailo abi diff`: what changed between two releases.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use hailo_abi::interface::{EnumEntry, RequestEntry};
use hailo_abi::wire::{Field, Layout};
use hailo_abi::{DataModel, DriverRelease, Interface};
use serde::Serialize;

use super::{Model, interface_of};
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Show what changed in the interface from one release to another
#[derive(Args)]
#[command(after_help = "Example:\n  hailo abi diff 4.20.0 4.23.0")]
pub(crate) struct Arguments {
    /// The one release
    #[arg(value_name = "FROM")]
    from: DriverRelease,
    /// The other release
    #[arg(value_name = "TO")]
    to: DriverRelease,
    /// The data model of kernel and process
    #[arg(long, value_enum, default_value_t = Model::Lp64)]
    data_model: Model,
}

/// One thing that is there in only one release, or otherwise in the other.
#[derive(Debug, PartialEq, Serialize)]
struct Change {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// What changed inside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Change>,
}

impl Change {
    /// The change of something that is called the same; none if nothing changed.
    fn of(name: impl Display, from: Option<String>, to: Option<String>, parts: Vec<Self>) -> Option<Self> {
        (from != to || !parts.is_empty()).then(|| Self { name: name.to_string(), from, to, parts })
    }

    fn text(&self, out: &mut Paper<'_>, indent: usize) -> io::Result<()> {
        let name = &self.name;
        write!(out, "{:indent$}", "")?;
        match (&self.from, &self.to) {
            (None, Some(to)) => writeln!(out, "+ {name}: {to}")?,
            (Some(from), None) => writeln!(out, "- {name}: {from}")?,
            (Some(from), Some(to)) if from != to => writeln!(out, "~ {name}: {from} -> {to}")?,
            _ => writeln!(out, "~ {name}")?,
        }
        self.parts.iter().try_for_each(|part| part.text(out, indent + 4))
    }
}

#[derive(Serialize)]
struct Diff {
    from: String,
    to: String,
    data_model: &'static str,
    requests: Vec<Change>,
    structs: Vec<Change>,
    enums: Vec<Change>,
    constants: Vec<Change>,
}

impl Report for Diff {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        let parts = [
            ("Requests", &self.requests),
            ("Structs", &self.structs),
            ("Enums", &self.enums),
            ("Constants", &self.constants),
        ];
        if parts.iter().all(|(_, changes)| changes.is_empty()) {
            return writeln!(out, "The interfaces of {} and {} are the same.", self.from, self.to);
        }
        writeln!(out, "From {} to {} ({}): + added, - dropped, ~ changed", self.from, self.to, self.data_model)?;
        for (title, changes) in parts.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            writeln!(out, "\n{title}")?;
            changes.iter().try_for_each(|change| change.text(out, 2))?;
        }
        Ok(())
    }
}

/// Pairs the things of two lists that are the same by `same`; first those of `from`, then what only `to` has.
fn pair<'a, T>(from: &'a [T], to: &'a [T], same: impl Fn(&T, &T) -> bool) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let mut pairs: Vec<_> = from.iter().map(|old| (Some(old), to.iter().find(|new| same(old, new)))).collect();
    pairs.extend(to.iter().filter(|new| !from.iter().any(|old| same(old, new))).map(|new| (None, Some(new))));
    pairs
}

fn requests(from: &Interface, to: &Interface, model: DataModel) -> Vec<Change> {
    // One operation has one request in each interface, by whatever name.
    let pairs = pair(from.requests, to.requests, |old, new| old.operation == new.operation);
    pairs
        .into_iter()
        .filter_map(|(old, new)| {
            let name = old.or(new)?.name;
            let renamed = matches!((old, new), (Some(old), Some(new)) if old.name != new.name);
            let describe = |entry: &RequestEntry| {
                let request = entry.codec(model).request;
                let name = if renamed { format!("{} ", entry.name) } else { String::new() };
                let direction = request.direction().macro_name();
                format!("{name}{request} {direction}({}, {})", char::from(request.group()), request.number())
                    + &format!(", {} bytes", request.size())
            };
            Change::of(name, old.map(describe), new.map(describe), Vec::new())
        })
        .collect()
}

fn structs(from: &Interface, to: &Interface, model: DataModel) -> Vec<Change> {
    let layouts =
        |interface: &Interface| -> Vec<Layout> { interface.structs.iter().map(|entry| *entry.layout(model)).collect() };
    let place = |field: &Field| format!("{} bytes at {}", field.size, field.offset);
    let (from, to) = (layouts(from), layouts(to));
    pair(&from, &to, |old, new| old.c_name == new.c_name)
        .into_iter()
        .filter_map(|(old, new)| {
            let name = old.or(new)?.c_name;
            let parts = match (old, new) {
                (Some(old), Some(new)) => pair(old.fields, new.fields, |old, new| old.name == new.name)
                    .into_iter()
                    .filter_map(|(old, new)| Change::of(old.or(new)?.name, old.map(place), new.map(place), Vec::new()))
                    .collect(),
                _ => Vec::new(),
            };
            let size = |layout: &Layout| format!("{} bytes", layout.size);
            Change::of(name, old.map(size), new.map(size), parts)
        })
        .collect()
}

fn values<N: Display + PartialEq, V: Display>(from: &[(N, V)], to: &[(N, V)]) -> Vec<Change> {
    let value = |entry: &(N, V)| entry.1.to_string();
    pair(from, to, |old, new| old.0 == new.0)
        .into_iter()
        .filter_map(|(old, new)| Change::of(&old.or(new)?.0, old.map(value), new.map(value), Vec::new()))
        .collect()
}

fn enums(from: &Interface, to: &Interface) -> Vec<Change> {
    pair(from.enums, to.enums, |old, new| old.c_name == new.c_name)
        .into_iter()
        .filter_map(|(old, new)| {
            let count = |entry: &EnumEntry| format!("{} values", entry.enumerators.len());
            let name = old.or(new)?.c_name;
            match (old, new) {
                (Some(old), Some(new)) => Change::of(name, None, None, values(old.enumerators, new.enumerators)),
                _ => Change::of(name, old.map(count), new.map(count), Vec::new()),
            }
        })
        .collect()
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = DataModel::from(arguments.data_model);
    let (from, to) = (interface_of(arguments.from)?, interface_of(arguments.to)?);
    output.report(&Diff {
        from: arguments.from.to_string(),
        to: arguments.to.to_string(),
        data_model: model.name(),
        requests: requests(from, to, model),
        structs: structs(from, to, model),
        enums: enums(from, to),
        constants: values(from.constants, to.constants),
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::{Change, values};

    #[test]
    fn values_that_were_added_dropped_and_changed() {
        let changes = values(&[("same", 1), ("gone", 2), ("moved", 3)], &[("same", 1), ("moved", 4), ("new", 5)]);
        let change = |name: &str, from: Option<&str>, to: Option<&str>| Change {
            name: name.into(),
            from: from.map(Into::into),
            to: to.map(Into::into),
            parts: Vec::new(),
        };
        assert_eq!(
            changes,
            [change("gone", Some("2"), None), change("moved", Some("3"), Some("4")), change("new", None, Some("5"))]
        );
    }
}
