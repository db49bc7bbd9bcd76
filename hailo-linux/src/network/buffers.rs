//! Data between contexts and between the layers of one context: one buffer of the host for all of it.

use std::collections::BTreeMap;

use hailo_abi::command::DescListCreate;

use super::lists;
use super::options::Setting;
use super::plan::ListId;
use super::registers::DDR_ROW;
use crate::hef::{Connection, CoreOp, Layer, Refusal, Within};
use crate::transform::Direction;

/// Who writes an item: a context and the stream index of an output of it.
pub(super) type Producer = (usize, u8);

/// A part of the buffer, with one list for the layer that writes it and all that read it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Bytes of a transfer.
    pub(super) transfer: u64,
    /// Whether it is rows that are kept within one context.
    pub(super) is_ddr: bool,
    /// How many transfers it holds.
    pub(super) transfers: u64,
    /// Its descriptor list.
    pub(super) list: DescListCreate,
    /// Where it is in the buffer, in bytes.
    pub(super) offset: u64,
    /// The list that stays in use, once there is one.
    pub(super) id: Option<ListId>,
    first: usize,
    last: usize,
}

impl Item {
    /// Bytes in the buffer.
    pub(super) fn size(&self) -> u64 {
        self.list.desc_count * u64::from(self.list.desc_page_size)
    }

    fn page(&self) -> u64 {
        self.list.desc_page_size.into()
    }

    fn lives_with(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Finds all items of a model and places them. The size of the buffer is 0 if there are none.
pub(super) fn plan(core_op: &CoreOp, setting: &Setting) -> Result<(BTreeMap<Producer, Item>, u64), Refusal> {
    let mut wanted: BTreeMap<Producer, Item> = BTreeMap::new();
    for (context, layer) in layers(core_op) {
        match (layer.direction, layer.connection) {
            (Direction::Output, Connection::Ddr { rows, .. }) => {
                let item = ddr(context, layer, rows, setting)
                    .within(|| format!("context {context}, layer `{}`", layer.tensor.name))?;
                wanted.insert((context, layer.stream_index), item);
            }
            (Direction::Input, Connection::InterContext { context: from, stream }) => {
                consume(core_op, &mut wanted, (from.into(), stream), context, layer, setting)
                    .within(|| format!("context {context}, layer `{}`", layer.tensor.name))?;
            }
            _ => {}
        }
    }
    let mut order: Vec<Producer> = wanted.keys().copied().collect();
    // A stable sort: equal ones stay in the order of their keys.
    order.sort_by_key(|key| std::cmp::Reverse(wanted.get(key).map_or(0, |item| item.transfer)));
    let mut placed: Vec<Producer> = Vec::new();
    let mut total = 0;
    for key in order {
        let Some(item) = wanted.get(&key) else { continue };
        let mut taken: Vec<(u64, u64)> = placed
            .iter()
            .filter_map(|key| wanted.get(key))
            .filter(|other| other.lives_with(item))
            .map(|other| (other.offset, other.offset + other.size()))
            .collect();
        let offset = first_gap(&mut taken, item.size(), item.page());
        total = total.max(offset + item.size());
        if let Some(item) = wanted.get_mut(&key) {
            item.offset = offset;
        }
        placed.push(key);
    }
    Ok((wanted, total))
}

/// All layers with the index of their context.
pub(super) fn layers(core_op: &CoreOp) -> impl Iterator<Item = (usize, &Layer)> {
    core_op
        .contexts
        .iter()
        .enumerate()
        .flat_map(|(index, context)| context.layers.iter().map(move |layer| (index, layer)))
}

fn ddr(context: usize, layer: &Layer, rows: u16, setting: &Setting) -> Result<Item, Refusal> {
    let transfer = u64::from(layer.core_bytes_per_buffer);
    if transfer == 0 || !transfer.is_multiple_of(DDR_ROW) {
        return Err(Refusal::argument(format!(
            "rows of {transfer} bytes are kept in the host's memory, but not in multiples of {DDR_ROW}"
        )));
    }
    let list = lists::intermediate(transfer, rows.into(), true, setting)?;
    Ok(Item {
        transfer,
        is_ddr: true,
        transfers: rows.into(),
        list,
        offset: 0,
        id: None,
        first: context,
        last: context,
    })
}

/// Notes that `layer` of `context` reads what `producer` writes.
fn consume(
    core_op: &CoreOp,
    wanted: &mut BTreeMap<Producer, Item>,
    producer: Producer,
    context: usize,
    layer: &Layer,
    setting: &Setting,
) -> Result<(), Refusal> {
    let transfer = u64::from(layer.transfer_size);
    if let Some(item) = wanted.get_mut(&producer) {
        if item.is_ddr || item.transfer != transfer {
            return Err(Refusal::invalid(format!(
                "it reads {transfer} bytes of stream {} of context {}, of which others read {}",
                producer.1, producer.0, item.transfer
            )));
        }
        item.last = item.last.max(context);
        return Ok(());
    }
    let exists = core_op.contexts.get(producer.0).is_some_and(|from| {
        from.layers.iter().any(|output| {
            output.direction == Direction::Output
                && output.stream_index == producer.1
                && matches!(output.connection, Connection::InterContext { .. })
        })
    });
    if !exists || producer.0 >= context {
        return Err(Refusal::invalid(format!(
            "it reads stream {} of context {}, which does not go to a later context",
            producer.1, producer.0
        )));
    }
    let transfers = u64::from(setting.batch);
    let list = lists::intermediate(transfer, transfers, false, setting)?;
    wanted.insert(
        producer,
        Item { transfer, is_ddr: false, transfers, list, offset: 0, id: None, first: producer.0, last: context },
    );
    Ok(())
}

/// Where `size` bytes beginning at a multiple of `page` fit between the intervals that are taken, or behind them.
fn first_gap(taken: &mut [(u64, u64)], size: u64, page: u64) -> u64 {
    taken.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(taken.len());
    for (start, end) in taken.iter().copied() {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    let Some((first, _)) = merged.first() else {
        return 0;
    };
    if first / page * page >= size {
        return 0;
    }
    let behind = |end: u64| end.next_multiple_of(page);
    merged
        .windows(2)
        .find_map(|pair| match pair {
            [(_, end), (next, _)] if behind(*end) + size <= *next => Some(behind(*end)),
            _ => None,
        })
        .unwrap_or_else(|| merged.last().map_or(0, |(_, end)| behind(*end)))
}
