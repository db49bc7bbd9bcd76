//! `hailo abi structs` and `hailo abi requests`: tab-separated tables with a header row.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::Which;
use crate::failure::Failure;
use crate::output::{Output, Paper, Report};

/// Print every field of every struct: struct, field, offset, size
#[derive(Args)]
#[command(after_help = "Example:\n  hailo abi structs --release 4.20.0 --data-model lp64")]
pub(crate) struct StructArguments {
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct FieldRow {
    r#struct: &'static str,
    field: &'static str,
    offset: usize,
    size: usize,
}

#[derive(Serialize)]
struct Structs {
    release: String,
    data_model: &'static str,
    fields: Vec<FieldRow>,
}

impl Report for Structs {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "struct\tfield\toffset\tsize")?;
        for FieldRow { r#struct, field, offset, size } in &self.fields {
            writeln!(out, "{struct}\t{field}\t{offset}\t{size}")?;
        }
        Ok(())
    }
}

pub(crate) fn structs(arguments: &StructArguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = arguments.which.model();
    let mut fields = Vec::new();
    for entry in arguments.which.interface()?.structs {
        let layout = entry.layout(model);
        fields.extend(layout.fields.iter().map(|field| FieldRow {
            r#struct: layout.c_name,
            field: field.name,
            offset: field.offset,
            size: field.size,
        }));
    }
    let release = arguments.which.release.to_string();
    output.report(&Structs { release, data_model: model.name(), fields })?;
    Ok(ExitCode::SUCCESS)
}

/// Print every request: name, code, size of its argument
#[derive(Args)]
#[command(after_help = "Example:\n  hailo abi requests --release 5.3.0 --data-model ilp32")]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    which: Which,
}

#[derive(Serialize)]
struct RequestRow {
    name: &'static str,
    request: String,
    size: usize,
}

#[derive(Serialize)]
struct Requests {
    release: String,
    data_model: &'static str,
    requests: Vec<RequestRow>,
}

impl Report for Requests {
    fn text(&self, out: &mut Paper<'_>) -> io::Result<()> {
        writeln!(out, "name\trequest\tsize")?;
        for RequestRow { name, request, size } in &self.requests {
            writeln!(out, "{name}\t{request}\t{size}")?;
        }
        Ok(())
    }
}

pub(crate) fn requests(arguments: &RequestArguments, output: &mut Output) -> Result<ExitCode, Failure> {
    let model = arguments.which.model();
    let requests = arguments.which.interface()?.requests.iter().map(|entry| {
        let request = entry.codec(model).request;
        RequestRow { name: entry.name, request: request.to_string(), size: request.size() }
    });
    let requests = requests.collect();
    let release = arguments.which.release.to_string();
    output.report(&Requests { release, data_model: model.name(), requests })?;
    Ok(ExitCode::SUCCESS)
}
