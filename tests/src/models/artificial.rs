//! Made-up model files, with what the vendor's library sent for them or the code with which it refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hailo_abi::firmware::control::HwConsts;
use hailo_linux::hef::{Hef, Layer};
use hailo_linux::network::Model;
use serde_json::Value;

use super::simulation::{Call, Chunk, Sent};

/// One made-up model.
#[derive(Clone, Debug)]
pub struct Artificial {
    /// Its name in the golden file.
    pub name: String,
    /// The file.
    pub hef: Vec<u8>,
    /// With which batch size it was configured.
    pub batch: u16,
    /// On a device with which greatest page.
    pub desc_max_page_size: u16,
    /// What came of it.
    pub outcome: Outcome,
}

/// What the vendor's library did with a model.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It configured a device with these constants.
    Sent(HwConsts, Sent),
    /// It refused with this code.
    Refused(String),
}

/// The golden file.
const GOLDEN: &str = "artificial-models.jsonl.gz";

/// All of them.
///
/// # Panics
/// If the golden file cannot be read.
#[must_use]
pub fn all() -> Vec<Artificial> {
    super::json_lines(GOLDEN).iter().map(row).collect()
}

/// The file of a small one that can be configured and run, with so many inputs and outputs, each of whose frames is one
/// transfer.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn file(inputs: usize, outputs: usize) -> Vec<u8> {
    let small = |layer: &Layer| layer.transfer_size < 100_000 && layer.transfers_per_frame() == 1;
    let found = all().into_iter().filter(|made_up| matches!(made_up.outcome, Outcome::Sent(..))).find_map(|made_up| {
        let model = Model::new(Hef::from_bytes(made_up.hef.clone()).ok()?, None).ok()?;
        let fits = (model.inputs().count(), model.outputs().count()) == (inputs, outputs)
            && model.hef().container().version == 1
            && model.can_run().is_ok()
            && model.inputs().chain(model.outputs()).all(small);
        fits.then_some(made_up.hef)
    });
    found.unwrap_or_else(|| panic!("no model with {inputs} inputs and {outputs} outputs"))
}

/// As [`file()`], read.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn running(inputs: usize, outputs: usize) -> Hef {
    Hef::from_bytes(file(inputs, outputs)).expect("a model")
}

fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => {
            let digits = text.strip_prefix("0x").expect("a number or hexadecimal digits");
            u64::from_str_radix(digits, 16).expect("hexadecimal digits")
        }
        other => other.as_u64().expect("a number"),
    }
}

fn row(row: &Value) -> Artificial {
    let text = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
    let outcome = match row["refused"].as_str() {
        Some(code) => Outcome::Refused(code.to_owned()),
        None => Outcome::Sent(super::constants(&super::unhex(&text("hw_consts_response"))), sent(row)),
    };
    Artificial {
        name: text("name"),
        hef: STANDARD.decode(text("hef")).expect("base64"),
        batch: number(&row["batch"]) as u16,
        desc_max_page_size: number(&row["desc_max_page_size"]) as u16,
        outcome,
    }
}

fn sent(row: &Value) -> Sent {
    let list = |name: &str| row[name].as_array().unwrap_or_else(|| panic!("no {name}")).clone();
    Sent {
        calls: list("calls").iter().map(call).collect(),
        header: super::unhex(row["network_group_header"].as_str().expect("a header")),
        contexts: list("contexts")
            .iter()
            .map(|chunk| Chunk {
                is_first: chunk["is_first_chunk"] == 1,
                is_last: chunk["is_last_chunk"] == 1,
                kind: number(&chunk["context_type"]) as u8,
                data: super::unhex(chunk["data"].as_str().expect("data")),
            })
            .collect(),
    }
}

fn call(call: &Value) -> Call {
    let field = |name: &str| number(&call[name]);
    match call["call"].as_str().expect("a call") {
        "DESC_LIST_CREATE" => Call::Create {
            desc_count: field("desc_count"),
            desc_page_size: field("desc_page_size"),
            is_circular: field("is_circular"),
            dma_address: field("dma_address"),
        },
        "DESC_LIST_PROGRAM" => Call::Program {
            channel_index: field("channel_index"),
            buffer_size: field("buffer_size"),
            buffer_offset: field("buffer_offset"),
            starting_desc: field("starting_desc"),
            batch_size: field("batch_size"),
            should_bind: field("should_bind"),
            last_interrupts_domain: field("last_interrupts_domain"),
            stride: field("stride"),
        },
        "VDMA_BUFFER_MAP" => Call::Map { size: field("size"), data_direction: field("data_direction") },
        other => panic!("unknown call {other}"),
    }
}
