//! Caches: data that a network keeps from one frame to the next in the host's memory.

use hailo_abi::command::DescListCreate;
use hailo_abi::enums::{DataDirection, InterruptsDomain};

use super::buffers::layers;
use super::lists;
use super::options::Setting;
use super::plan::{BufferId, ListId, Program, Step};
use super::work::Work;
use crate::hef::{Connection, CoreOp, Layer, Refusal, Within};
use crate::transform::Direction;

/// One side of a cache.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) list: DescListCreate,
    /// Number of entries that go over the channel in a frame.
    pub(super) entries: u16,
    /// The list and the channel, once there are any.
    pub(super) placed: Option<(ListId, u8)>,
}

/// A ring of entries, read behind the place where it is written.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    id: u32,
    buffer: BufferId,
    /// Bytes of an entry.
    pub(super) entry: u64,
    /// Bytes of an entry with what follows it.
    padded: u64,
    pub(super) input: Side,
    pub(super) output: Side,
}

/// The caches of a model.
#[derive(Clone, Debug, Default)]
pub(super) struct Caches {
    caches: Vec<Cache>,
    is_programmed: bool,
}

/// Bytes of an entry, and entries in a frame.
fn dimensions(layer: &Layer) -> Result<(u64, u16), Refusal> {
    let shape = layer.tensor.hw_shape;
    let entries = (shape.height as u64).saturating_mul(shape.width as u64);
    let entry = shape.features as u64;
    if entry == 0 || entry > u64::from(u16::MAX) {
        return Err(Refusal::argument(format!("cache entries of {entry} bytes")));
    }
    u16::try_from(entries)
        .ok()
        .filter(|entries| *entries > 0)
        .map(|entries| (entry, entries))
        .ok_or_else(|| Refusal::argument(format!("{entries} entries of a cache")))
}

/// The smallest power of two that an entry fits.
fn padded(entry: u64) -> u64 {
    /// The smallest that an entry is padded to, in bytes.
    const LOW: u64 = 64;
    if entry.is_power_of_two() { entry } else { entry.next_power_of_two().max(LOW) }
}

impl Caches {
    /// Finds the caches of a model, and maps a buffer for each.
    pub(super) fn new(core_op: &CoreOp, setting: &Setting, work: &mut Work) -> Result<Self, Refusal> {
        let mut found: Vec<(u32, Vec<&Layer>)> = Vec::new();
        for (_, layer) in layers(core_op) {
            if let Connection::Cache { id } = layer.connection {
                match found.iter_mut().find(|(known, _)| *known == id) {
                    Some((_, layers)) => layers.push(layer),
                    None => found.push((id, vec![layer])),
                }
            }
        }
        if found.is_empty() {
            return Ok(Self::default());
        }
        if setting.batch != 1 {
            return Err(Refusal::argument(format!(
                "a batch of {} frames; a model with caches takes one frame at a time",
                setting.batch
            )));
        }
        if core_op.contexts.len() == 1 {
            return Err(Refusal::argument("caches in a model of one context are not supported"));
        }
        let mut length = None;
        let mut caches = Vec::with_capacity(found.len());
        for (id, layers) in found {
            let cache = Self::cache(id, &layers, setting, &mut length, work).within(|| format!("cache {id}"))?;
            caches.push(cache);
        }
        Ok(Self { caches, is_programmed: false })
    }

    fn cache(
        id: u32,
        layers: &[&Layer],
        setting: &Setting,
        length: &mut Option<u64>,
        work: &mut Work,
    ) -> Result<Cache, Refusal> {
        let of = |direction| layers.iter().filter(move |layer| layer.direction == direction);
        let (Some(input), Some(output), 2) = (of(Direction::Input).next(), of(Direction::Output).next(), layers.len())
        else {
            return Err(Refusal::argument(format!(
                "{} inputs and {} outputs instead of one of each",
                of(Direction::Input).count(),
                of(Direction::Output).count()
            )));
        };
        let (entry, input_entries) = dimensions(input)?;
        let (output_entry, output_entries) = dimensions(output)?;
        if entry != output_entry {
            return Err(Refusal::argument(format!(
                "entries of {entry} bytes on one side and of {output_entry} bytes on the other"
            )));
        }
        let own = u64::from(input_entries) + u64::from(output_entries);
        if *length.get_or_insert(own) != own {
            return Err(Refusal::argument(format!("{own} entries, other caches of the model differ")));
        }
        let padded = padded(entry);
        let side = |entries: u16| {
            lists::cache(entry, padded, entries.into(), setting).map(|list| Side { list, entries, placed: None })
        };
        Ok(Cache {
            id,
            input: side(input_entries)?,
            output: side(output_entries)?,
            buffer: work.map(own * padded, DataDirection::BIDIRECTIONAL),
            entry,
            padded,
        })
    }

    /// Whether the model has any.
    pub(super) fn is_empty(&self) -> bool {
        self.caches.is_empty()
    }

    /// One side of a cache and the bytes of an entry. The first time, its list is created for `channel`.
    pub(super) fn side(
        &mut self,
        id: u32,
        direction: Direction,
        channel: u8,
        work: &mut Work,
    ) -> Result<(ListId, DescListCreate, u16, u64), Refusal> {
        let cache = self
            .caches
            .iter_mut()
            .find(|cache| cache.id == id)
            .ok_or_else(|| Refusal::invalid(format!("cache {id} has only one side")))?;
        let (buffer, entry) = (cache.buffer, cache.entry);
        let side = match direction {
            Direction::Input => &mut cache.input,
            Direction::Output => &mut cache.output,
        };
        let (list, _) = *side.placed.get_or_insert_with(|| {
            let list = work.create(side.list);
            work.steps.push(Step::Program(Program {
                list,
                buffer,
                channel,
                size: side.list.desc_count * u64::from(side.list.desc_page_size),
                offset: 0,
                starting_desc: 0,
                batch_size: 1,
                should_bind: true,
                last_interrupts_domain: InterruptsDomain::NONE,
                stride: 0,
            }));
            (list, channel)
        });
        let known = (list, side.list, side.entries, entry);
        self.program(work)?;
        Ok(known)
    }

    /// Once both sides of all caches have lists, tells them where the entries are at the beginning.
    fn program(&mut self, work: &mut Work) -> Result<(), Refusal> {
        let is_complete = self.caches.iter().all(|cache| cache.input.placed.is_some() && cache.output.placed.is_some());
        if self.is_programmed || !is_complete {
            return Ok(());
        }
        self.is_programmed = true;
        for cache in &self.caches {
            // Reading begins at entry 0, writing behind what is read; at the beginning neither wraps.
            for (side, first) in [(&cache.input, 0), (&cache.output, cache.input.entries)] {
                let Some((list, channel)) = side.placed else { continue };
                let page = u64::from(side.list.desc_page_size);
                let descriptors = u64::from(side.entries) * cache.entry.div_ceil(page);
                if descriptors + 1 != side.list.desc_count {
                    return Err(Refusal::internal(format!(
                        "cache {}: {descriptors} descriptors in a list of {}",
                        cache.id, side.list.desc_count
                    )));
                }
                let stride = u32::try_from(cache.entry)
                    .map_err(|_| Refusal::argument(format!("cache entries of {} bytes", cache.entry)))?;
                work.steps.push(Step::Program(Program {
                    list,
                    buffer: cache.buffer,
                    channel,
                    // As much as is moved, which is less than what the entries take where they are padded.
                    size: u64::from(side.entries) * cache.entry,
                    offset: u64::from(first) * cache.padded,
                    starting_desc: 0,
                    batch_size: 1,
                    should_bind: true,
                    last_interrupts_domain: InterruptsDomain::NONE,
                    stride,
                }));
            }
        }
        Ok(())
    }
}
