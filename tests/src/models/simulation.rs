//! A driver that only writes down what a plan asks of it, and gives the addresses of the recordings.

use hailo_abi::firmware::NetworkGroupHeader;
use hailo_linux::network::{Plan, Step};

/// A call to the driver, as the golden files write it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Call {
    Map {
        size: u64,
        data_direction: u64,
    },
    Create {
        desc_count: u64,
        desc_page_size: u64,
        is_circular: u64,
        dma_address: u64,
    },
    Program {
        channel_index: u64,
        buffer_size: u64,
        buffer_offset: u64,
        starting_desc: u64,
        batch_size: u64,
        should_bind: u64,
        last_interrupts_domain: u64,
        stride: u64,
    },
}

/// One SET_CONTEXT_INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Chunk {
    pub is_first: bool,
    pub is_last: bool,
    pub kind: u8,
    pub data: Vec<u8>,
}

/// Everything that configuring a model sends, apart from queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The calls that map buffers and make lists, in order.
    pub calls: Vec<Call>,
    /// The network group header.
    pub header: Vec<u8>,
    /// The contexts, in order.
    pub contexts: Vec<Chunk>,
}

/// The address of the list that is created as the `n`th of a driver, counted from 1.
#[must_use]
pub fn dma_address(n: u64) -> u64 {
    0x1_0000_0000 + n * 0x10_0000
}

/// What `plan` sends. Panics if its steps use something before it is there.
#[must_use]
pub fn sent(plan: &Plan) -> Sent {
    let mut addresses = vec![None; plan.lists.len()];
    let mut mapped = vec![false; plan.buffers.len()];
    let mut created = 0;
    let mut calls = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Map(id) => {
                let buffer = &plan.buffers[id.0];
                assert!(!std::mem::replace(&mut mapped[id.0], true), "{id:?} is mapped twice");
                calls.push(Call::Map { size: buffer.size, data_direction: buffer.direction.raw().into() });
            }
            Step::Create(id) => {
                let list = &plan.lists[id.0];
                created += 1;
                let address = dma_address(created);
                assert_eq!(addresses[id.0].replace(address), None, "{id:?} is created twice");
                calls.push(Call::Create {
                    desc_count: list.desc_count,
                    desc_page_size: list.desc_page_size.into(),
                    is_circular: list.is_circular.into(),
                    dma_address: address,
                });
            }
            Step::Program(program) => {
                assert!(mapped[program.buffer.0], "{program:?}");
                assert!(addresses[program.list.0].is_some(), "{program:?}");
                calls.push(Call::Program {
                    channel_index: program.channel.into(),
                    buffer_size: program.size,
                    buffer_offset: program.offset,
                    starting_desc: program.starting_desc.into(),
                    batch_size: program.batch_size.into(),
                    should_bind: program.should_bind.into(),
                    last_interrupts_domain: program.last_interrupts_domain.raw().into(),
                    stride: program.stride.into(),
                });
            }
            Step::Fill { buffer, offset, words } => {
                let size: u64 = words.iter().map(|words| words.len() as u64).sum();
                assert!(mapped[buffer.0] && offset + size <= plan.buffers[buffer.0].size);
            }
            Step::Release(id) => assert!(addresses[id.0].is_some(), "{id:?}"),
        }
    }
    let mut header = vec![0; NetworkGroupHeader::MAX_SIZE];
    let length = plan.header.encode(plan.firmware, &mut header).expect("a header");
    header.truncate(length);
    let contexts = plan
        .contexts
        .iter()
        .flat_map(|context| {
            let chunks = context
                .encode(plan.firmware, |list| addresses[list.0].expect("a list that was created"))
                .expect("actions that the firmware knows");
            let last = chunks.len().saturating_sub(1);
            let kind = context.kind.0;
            chunks.into_iter().enumerate().map(move |(index, data)| Chunk {
                is_first: index == 0,
                is_last: index == last,
                kind,
                data,
            })
        })
        .collect();
    Sent { calls, header, contexts }
}

/// The contents of the plan's buffers as the device would see them.
#[must_use]
pub fn contents(plan: &Plan) -> Vec<Vec<u8>> {
    let mut buffers: Vec<Vec<u8>> = plan.buffers.iter().map(|buffer| vec![0; buffer.size as usize]).collect();
    for step in &plan.steps {
        if let Step::Fill { buffer, offset, words } = step {
            let mut at = *offset as usize;
            for words in words {
                buffers[buffer.0][at..at + words.len()].copy_from_slice(words.bytes());
                at += words.len();
            }
        }
    }
    buffers
}
