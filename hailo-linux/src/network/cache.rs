//! Caches: data that a network keeps from one frame to the next in the host's memory.
//!
//! A cache is a ring of entries. In a frame the network reads some of them and writes others behind those. When a frame is
//! through, the host moves both on, so that what was written is read by one of the next frames.

use hailo_abi::command::DescListCreate;
use hailo_abi::enums::{DataDirection, InterruptsDomain};

use super::buffers::layers;
use super::lists;
use super::options::Setting;
use super::plan::{BufferId, ListId, Program, Step};
use super::work::Work;
use crate::hef::{Connection, CoreOp, Layer, Refusal, Within};
use crate::transform::{Direction, Shape};

/// One side of a cache in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSide {
    /// The list that the device follows.
    pub list: ListId,
    /// The channel.
    pub channel: u8,
    /// How many entries go over the channel in a frame.
    pub entries: u16,
}

/// A cache of a plan: a ring of entries in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePlan {
    /// Its number in the model (`cache_id`).
    pub id: u32,
    /// Where the entries are.
    pub buffer: BufferId,
    /// Bytes of an entry.
    pub entry: u64,
    /// Bytes of an entry with what follows it.
    pub padded: u64,
    /// Descriptors of an entry.
    pub descriptors: u32,
    /// What the network reads.
    pub input: CacheSide,
    /// What it writes, behind that.
    pub output: CacheSide,
}

impl CachePlan {
    /// How many entries the ring has.
    #[must_use]
    pub fn length(&self) -> u64 {
        u64::from(self.input.entries) + u64::from(self.output.entries)
    }

    /// What tells both lists where the entries are, if reading begins at entry `first`: a call for each side, two for one
    /// that goes over the end of the ring.
    pub fn programs(&self, first: u64) -> impl Iterator<Item = Program> + use<> {
        let cache = *self;
        let first = first % cache.length();
        let behind = (first + u64::from(cache.input.entries)) % cache.length();
        [(cache.input, first), (cache.output, behind)].into_iter().flat_map(move |(side, first)| {
            let entries = u64::from(side.entries);
            let to_end = entries.min(cache.length() - first);
            [(0, first, to_end), (to_end, 0, entries - to_end)].into_iter().filter(|(_, _, count)| *count > 0).map(
                move |(done, first, count)| Program {
                    list: side.list,
                    buffer: cache.buffer,
                    channel: side.channel,
                    // What the entries take; where they are padded, less is moved: that is what the stride says.
                    size: count * cache.padded,
                    offset: first * cache.padded,
                    // There are at most as many descriptors as a list has.
                    starting_desc: done as u32 * cache.descriptors,
                    batch_size: 1,
                    should_bind: true,
                    last_interrupts_domain: InterruptsDomain::NONE,
                    // An entry has at most 65535 bytes.
                    stride: cache.entry as u32,
                },
            )
        })
    }
}

/// One side of a cache.
#[derive(Clone, Debug)]
struct Side {
    list: DescListCreate,
    /// Number of entries that go over the channel in a frame.
    entries: u16,
    /// The list and the channel, once there are any.
    placed: Option<(ListId, u8)>,
}

impl Side {
    fn plan(&self) -> Option<CacheSide> {
        self.placed.map(|(list, channel)| CacheSide { list, channel, entries: self.entries })
    }
}

/// A ring of entries, read behind the place where it is written.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    id: u32,
    buffer: BufferId,
    /// Bytes of an entry.
    entry: u64,
    /// Bytes of an entry with what follows it.
    padded: u64,
    input: Side,
    output: Side,
}

impl Cache {
    /// The cache in a plan, once both sides have lists.
    fn plan(&self) -> Result<Option<CachePlan>, Refusal> {
        let (Some(input), Some(output)) = (self.input.plan(), self.output.plan()) else { return Ok(None) };
        let Self { id, buffer, entry, padded, .. } = *self;
        let descriptors = entry.div_ceil(self.input.list.desc_page_size.into());
        for Side { list, entries, .. } in [&self.input, &self.output] {
            let descriptors = u64::from(*entries) * entry.div_ceil(list.desc_page_size.into());
            if descriptors + 1 != list.desc_count {
                return Err(Refusal::internal(format!(
                    "cache {id}: {descriptors} descriptors in a list of {}",
                    list.desc_count
                )));
            }
        }
        // Fewer than the entry has bytes.
        Ok(Some(CachePlan { id, buffer, entry, padded, descriptors: descriptors as u32, input, output }))
    }
}

/// The caches of a model.
#[derive(Clone, Debug, Default)]
pub(super) struct Caches {
    caches: Vec<Cache>,
    is_programmed: bool,
}

/// Bytes of an entry, and entries in a frame of this shape.
fn dimensions(shape: Shape) -> Result<(u64, u16), Refusal> {
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
        let (entry, input_entries) = dimensions(input.tensor.hw_shape)?;
        let (output_entry, output_entries) = dimensions(output.tensor.hw_shape)?;
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

    /// The caches whose sides both have lists.
    pub(super) fn plan(&self) -> Result<Vec<CachePlan>, Refusal> {
        self.caches.iter().filter_map(|cache| cache.plan().transpose()).collect()
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
        for cache in self.plan()? {
            work.steps.extend(cache.programs(0).map(Step::Program));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_their_number_are_limited() {
        let of = |height, width, features| dimensions(Shape { height, width, features }).ok();
        assert_eq!(of(1, 1, 1), Some((1, 1)));
        assert_eq!(of(255, 257, 65535), Some((65535, 65535)));
        for (height, width, features) in
            [(1, 1, 0), (1, 1, 65536), (0, 1, 64), (1, 0, 64), (256, 256, 64), (usize::MAX, 2, 64)]
        {
            assert_eq!(of(height, width, features), None, "{height}x{width}x{features}");
        }
        for (entry, in_memory) in [(1, 1), (3, 64), (48, 64), (64, 64), (65, 128), (65535, 65536)] {
            assert_eq!(padded(entry), in_memory, "{entry}");
        }
    }

    #[test]
    fn what_was_written_is_read_later() {
        let side = |list, entries| CacheSide { list: ListId(list), channel: list as u8, entries };
        for (reads, writes) in [(3, 5), (7, 1), (1, 1), (4, 4)] {
            let cache = CachePlan {
                id: 0,
                buffer: BufferId(0),
                entry: 48,
                padded: 64,
                descriptors: 2,
                input: side(0, reads),
                output: side(1, writes),
            };
            for first in 0..3 * cache.length() {
                let mut places: [Vec<u64>; 2] = Default::default();
                for program in cache.programs(first) {
                    let places = &mut places[program.list.0];
                    assert_eq!(u64::from(program.starting_desc), places.len() as u64 * 2, "what wraps follows at once");
                    assert_eq!((program.size % 64, program.offset % 64, program.stride), (0, 0, 48));
                    let start = program.offset / 64;
                    places.extend(start..start + program.size / 64);
                }
                // One entry after the other, from where reading begins to behind what is written.
                let expected: Vec<u64> = (first..first + cache.length()).map(|entry| entry % cache.length()).collect();
                assert_eq!(places.concat(), expected);
                assert_eq!(places[0].len(), usize::from(reads));
            }
        }
    }
}
