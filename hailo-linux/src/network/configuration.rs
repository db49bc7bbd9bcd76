//! Configuration words: which buffers they need, and how they are fetched.

use hailo_abi::command::DescListCreate;
use hailo_abi::enums::{DataDirection, InterruptsDomain};
use hailo_abi::firmware::actions::{
    Action, ActivateCfgChannel, DeactivateCfgChannel, FetchCfgChannelDescriptors, HostBufferInfo,
};

use super::lists;
use super::options::Setting;
use super::plan::{BufferId, ListId, Planned, Program, Step};
use super::work::Work;
use crate::hef::{self, Operation, Refusal, Words};

/// A configuration channel in one context.
#[derive(Clone, Debug)]
struct Stream {
    channel: u8,
    buffer: BufferId,
    list: ListId,
    shape: DescListCreate,
    /// Descriptors that fetches have used so far.
    used: u64,
}

/// The configuration channels of one context.
#[derive(Clone, Debug, Default)]
pub(super) struct Configuration {
    streams: Vec<Stream>,
    inline: bool,
}

/// Consecutive writes of one operation: for each stream its words, in the order in which the streams appear.
#[derive(Clone, Debug, Default)]
pub(super) struct Run<'a>(Vec<(u8, Vec<&'a Words>)>);

impl<'a> Run<'a> {
    /// Adds a write.
    pub(super) fn push(&mut self, stream: u8, words: &'a Words) {
        match self.0.iter_mut().find(|(known, _)| *known == stream) {
            Some((_, writes)) => writes.push(words),
            None => self.0.push((stream, vec![words])),
        }
    }
}

fn length(writes: &[&Words]) -> u64 {
    writes.iter().map(|words| words.len() as u64).sum()
}

/// The runs of an operation.
fn runs(operation: &Operation) -> Vec<Run<'_>> {
    let mut runs = vec![Run::default()];
    for action in &operation.actions {
        match (action, runs.last_mut()) {
            (hef::Action::WriteWords { channel, words }, Some(run)) => run.push(*channel, words),
            (_, Some(run)) if !run.0.is_empty() => runs.push(Run::default()),
            _ => {}
        }
    }
    runs
}

/// For each configuration stream of a context, the sizes that its list is made for: each write on its own where the
/// words stand outside the description, the writes of a run together where they stand in it (`inline`).
fn sizes(operations: &[Operation], inline: bool, streams: u8) -> Result<Vec<Vec<u64>>, Refusal> {
    let mut sizes: Vec<Vec<u64>> = Vec::new();
    for (stream, writes) in operations.iter().flat_map(runs).flat_map(|run| run.0) {
        if stream >= streams {
            return Err(Refusal::invalid(format!("words for configuration stream {stream} of {streams}")));
        }
        if sizes.len() <= stream.into() {
            sizes.resize(usize::from(stream) + 1, Vec::new());
        }
        if let Some(sizes) = sizes.get_mut(usize::from(stream)) {
            if inline {
                sizes.push(length(&writes));
            } else {
                sizes.extend(writes.iter().map(|words| words.len() as u64));
            }
        }
    }
    match sizes.iter().position(Vec::is_empty) {
        Some(gap) => {
            Err(Refusal::invalid(format!("configuration stream {gap} is left out, stream {} is used", sizes.len() - 1)))
        }
        None => Ok(sizes),
    }
}

impl Configuration {
    /// Plans the buffers and lists of a context's words; `channels` are those of the model's configuration streams.
    pub(super) fn new(
        operations: &[Operation],
        inline: bool,
        channels: &[u8],
        setting: &Setting,
        work: &mut Work,
    ) -> Result<Self, Refusal> {
        let streams = u8::try_from(channels.len()).unwrap_or(u8::MAX);
        let mut configuration = Self { streams: Vec::new(), inline };
        for (sizes, &channel) in sizes(operations, inline, streams)?.iter().zip(channels) {
            let shape = lists::configuration(sizes, setting)?;
            let size = shape.desc_count * u64::from(shape.desc_page_size);
            let buffer = work.map(size, DataDirection::TO_DEVICE);
            let list = work.create(shape);
            work.steps.push(Step::Program(Program {
                list,
                buffer,
                channel,
                size,
                offset: 0,
                starting_desc: 0,
                batch_size: 1,
                should_bind: true,
                last_interrupts_domain: InterruptsDomain::NONE,
                stride: 0,
            }));
            configuration.streams.push(Stream { channel, buffer, list, shape, used: 0 });
        }
        Ok(configuration)
    }

    /// Lays a finished run into the buffers and adds its fetches to `actions`.
    pub(super) fn finish(
        &mut self,
        run: &mut Run<'_>,
        actions: &mut Vec<Option<Planned>>,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let mut writes = std::mem::take(&mut run.0);
        // The streams are queues of their own and the order between them means nothing; this is the vendor's.
        if self.inline {
            writes.sort_by_key(|(stream, _)| *stream);
        } else {
            writes.reverse();
        }
        for (index, words) in writes {
            let Some(stream) = self.streams.get_mut(usize::from(index)) else {
                return Err(Refusal::invalid(format!("words for configuration stream {index}")));
            };
            let page = u64::from(stream.shape.desc_page_size);
            let size = length(&words);
            let descriptors = size.div_ceil(page);
            let (Ok(descriptors_count), Ok(starting_desc)) = (u16::try_from(descriptors), u32::try_from(stream.used))
            else {
                return Err(Refusal::invalid(format!(
                    "{size} bytes of configuration words in one go need {descriptors} descriptors"
                )));
            };
            work.steps.push(Step::Fill {
                buffer: stream.buffer,
                offset: stream.used * page,
                words: words.into_iter().cloned().collect(),
            });
            work.steps.push(Step::Program(Program {
                list: stream.list,
                buffer: stream.buffer,
                channel: stream.channel,
                size,
                offset: 0,
                starting_desc,
                batch_size: 1,
                should_bind: false,
                last_interrupts_domain: InterruptsDomain::DEVICE,
                stride: 0,
            }));
            actions.push(Some(
                Action::FetchCfgChannelDescriptors(FetchCfgChannelDescriptors {
                    descriptors_count,
                    packed_vdma_channel_id: stream.channel.into(),
                })
                .into(),
            ));
            stream.used += descriptors;
        }
        Ok(())
    }

    /// Puts the finished list of a context between the start and the end of its configuration channels.
    pub(super) fn enclose(&self, actions: &mut Vec<Option<Planned>>) -> Result<(), Refusal> {
        let numbered = || (0u8..).zip(&self.streams);
        let starts = numbered()
            .map(|(config_stream_index, stream)| {
                let action = Action::ActivateCfgChannel(ActivateCfgChannel {
                    packed_vdma_channel_id: stream.channel.into(),
                    config_stream_index,
                    host_buffer_info: host_buffer_info(
                        &stream.shape,
                        stream.used * u64::from(stream.shape.desc_page_size),
                    )?,
                });
                Ok(Some(Planned { action, list: Some(stream.list) }))
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        actions.splice(..0, starts);
        actions.extend(numbered().map(|(config_stream_index, stream)| {
            Some(
                Action::DeactivateCfgChannel(DeactivateCfgChannel {
                    packed_vdma_channel_id: stream.channel.into(),
                    config_stream_index,
                })
                .into(),
            )
        }));
        Ok(())
    }
}

/// What an action says of a list; its address comes later.
pub(super) fn host_buffer_info(list: &DescListCreate, bytes_in_pattern: u64) -> Result<HostBufferInfo, Refusal> {
    let narrow = |value: u64| {
        u32::try_from(value).map_err(|_| Refusal::buffers(format!("{value} bytes or descriptors behind one channel")))
    };
    Ok(HostBufferInfo {
        desc_page_size: list.desc_page_size,
        total_desc_count: narrow(list.desc_count)?,
        bytes_in_pattern: narrow(bytes_in_pattern)?,
        ..HostBufferInfo::default()
    })
}
