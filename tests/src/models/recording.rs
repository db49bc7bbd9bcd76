//! Recordings of the vendor's library with real models.

use serde_json::Value;

use super::simulation::{Call, Chunk, Sent};

/// A recording.
#[derive(Clone, Debug)]
pub struct Recording(Vec<Value>);

/// The header of a request up to the length of its first parameter.
const REQUEST: usize = 24;

fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => {
            let digits = text.strip_prefix("0x").expect("hexadecimal digits");
            u64::from_str_radix(digits, 16).expect("hexadecimal digits")
        }
        other => other.as_u64().expect("a number"),
    }
}

/// The parameters of a request: each has its length before it.
fn parameters(request: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = request.get(REQUEST - 4..).unwrap_or_default();
    let mut parameters = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (parameter, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        parameters.push(parameter.to_vec());
        rest = tail;
    }
    parameters
}

impl Recording {
    /// Reads `NAME` of the golden traces.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn read(name: &str) -> Self {
        Self(super::json_lines(&format!("traces/{name}.jsonl.gz")))
    }

    /// All lines.
    pub fn lines(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// The calls of a phase, from its mark to the next, in the order of their entry.
    pub fn phase(&self, mark: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().skip_while(move |line| line["mark"] != mark).skip(1).take_while(|line| line["mark"].is_null())
    }

    /// The request and the answer of the first firmware control with `opcode` in a phase.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn control(&self, mark: &str, opcode: u64) -> (Vec<u8>, Vec<u8>) {
        let control = self
            .phase(mark)
            .find(|line| line["fw"]["opcode"] == opcode)
            .unwrap_or_else(|| panic!("no control {opcode} while {mark}"));
        let bytes = |name: &str| super::unhex(control["fw"][name].as_str().expect("bytes"));
        (bytes("req"), bytes("resp"))
    }

    /// What configuring the model sent, up to the buffers of the streams.
    #[must_use]
    pub fn configuration(&self) -> Sent {
        const SET_NETWORK_GROUP_HEADER: u64 = 32;
        const SET_CONTEXT_INFO: u64 = 33;
        let mut sent = Sent { calls: Vec::new(), header: Vec::new(), contexts: Vec::new() };
        for line in self.phase("configure") {
            let field = |name: &str| number(&line["p"][name]);
            match line["name"].as_str() {
                // What follows the contexts belongs to running the model.
                _ if sent.contexts.last().is_some_and(|chunk: &Chunk| chunk.kind == 1) && line["fw"].is_null() => break,
                Some("HAILO_VDMA_BUFFER_MAP") => {
                    sent.calls.push(Call::Map { size: field("size"), data_direction: field("data_direction") })
                }
                Some("HAILO_DESC_LIST_CREATE") => sent.calls.push(Call::Create {
                    desc_count: field("desc_count"),
                    desc_page_size: field("desc_page_size"),
                    is_circular: field("is_circular"),
                    dma_address: field("dma_address"),
                }),
                Some("HAILO_DESC_LIST_PROGRAM") => sent.calls.push(Call::Program {
                    channel_index: field("channel_index"),
                    buffer_size: field("buffer_size"),
                    buffer_offset: field("buffer_offset"),
                    starting_desc: field("starting_desc"),
                    batch_size: field("batch_size"),
                    should_bind: field("should_bind"),
                    last_interrupts_domain: field("last_interrupts_domain"),
                    stride: field("stride"),
                }),
                Some("HAILO_FW_CONTROL") => {
                    let request = super::unhex(line["fw"]["req"].as_str().expect("a request"));
                    let parameters = parameters(&request);
                    match number(&line["fw"]["opcode"]) {
                        SET_NETWORK_GROUP_HEADER => sent.header.clone_from(&parameters[0]),
                        SET_CONTEXT_INFO => sent.contexts.push(Chunk {
                            is_first: parameters[0] == [1],
                            is_last: parameters[1] == [1],
                            kind: parameters[2][0],
                            data: parameters[3].clone(),
                        }),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        sent
    }

    /// The MD5 of buffers as the device saw them, in the order in which they were mapped.
    ///
    /// # Panics
    /// If the recording has none.
    #[must_use]
    pub fn live_buffers(&self) -> Vec<String> {
        let line = self.0.iter().find_map(|line| line["live_buffers"].as_array()).expect("live buffers");
        line.iter().map(|buffer| buffer["md5"].as_str().expect("a sum").to_owned()).collect()
    }

    /// Every recorded synchronisation towards the device: the buffer, counted from 0, where in it, and the MD5.
    #[must_use]
    pub fn synchronised(&self) -> Vec<(usize, usize, usize, String)> {
        self.phase("configure")
            .filter(|line| line["name"] == "HAILO_VDMA_BUFFER_SYNC")
            .map(|line| {
                let field = |name: &str| number(&line["p"][name]) as usize;
                let sum = line["p"]["md5"].as_str().expect("a sum").to_owned();
                (field("handle") - 1, field("offset"), field("count"), sum)
            })
            .collect()
    }
}

/// What the vendor's library says of a real model.
///
/// # Panics
/// If the golden file cannot be read.
#[must_use]
pub fn model(name: &str) -> Value {
    serde_json::from_str(&crate::golden::text(&format!("traces/{name}"))).expect("JSON")
}
