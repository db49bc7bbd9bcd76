//! Triggers and actions: what the compiler wants done, and when.

use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, decode_key, skip_field};

use super::error::{LibraryStatus, Refusal, Within, decode};
use super::proto::{self, ActionKind, DebugKind, TriggerKind};

/// A trigger and the actions that follow it.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFOperation")]
pub struct Operation {
    /// What is waited for.
    pub trigger: Trigger,
    /// What is done then, in order.
    pub actions: Vec<Action>,
}

/// A local control unit of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lcu {
    /// Which cluster, 0–7.
    pub cluster: u8,
    /// Which unit of it, 0–15.
    pub index: u8,
}

impl Lcu {
    /// Number of clusters of a Hailo-8.
    const CLUSTERS: u32 = 8;
    /// Number of units in each.
    const PER_CLUSTER: u32 = 16;

    fn new(cluster: u32, index: u32) -> Result<Self, Refusal> {
        if cluster >= Self::CLUSTERS || index >= Self::PER_CLUSTER {
            return Err(Refusal::invalid(format!(
                "control unit {index} of cluster {cluster}: there are {} in each of {} clusters",
                Self::PER_CLUSTER,
                Self::CLUSTERS
            )));
        }
        Ok(Self { cluster: byte(cluster, "cluster index")?, index: byte(index, "control unit index")? })
    }

    /// Both in one byte, as the firmware wants them.
    #[must_use]
    pub const fn packed(self) -> u8 {
        self.index | self.cluster << 4
    }
}

/// What an operation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "ProtoHEFTrigger")]
pub enum Trigger {
    /// Nothing.
    None,
    /// An interrupt of a local control unit.
    Lcu(Lcu),
    /// An output of the context has sent everything.
    AllDataWasSent {
        /// The stream index of the output.
        stream: u8,
    },
    /// The channel of an output of the context is idle.
    DmaIdle {
        /// The stream index of the output.
        stream: u8,
    },
    /// Non-maximum suppression has finished: the aggregator's index, the index, cluster and interface of the output
    /// buffer before it, the index and interface of the one behind it.
    Nms([u8; 6]),
}

/// Configuration words: a range of the file, handed out without copying.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(Bytes);

impl Words {
    /// The words, as they lie in the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({} bytes)", self.len())
    }
}

/// Start values of a sequencer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "ProtoHEFActionEnableSequencer")]
pub struct Sequencer {
    /// Which cluster.
    pub cluster: u8,
    /// The first cut of the cluster's memory.
    pub initial_l3_cut: u8,
    /// The offset in it.
    pub initial_l3_offset: u16,
    /// Bitmap.
    pub active_apu: u32,
    /// Bitmap.
    pub active_ia: u32,
    /// Bitmap.
    pub active_sc: u64,
    /// Bitmap.
    pub active_l2: u64,
    /// The first two offsets, the first in the low half.
    pub l2_offset_0: u64,
    /// The other two.
    pub l2_offset_1: u64,
}

/// What kind of bytes a register is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "ProtoHEFWriteDataType")]
pub enum WriteDataType {
    /// The action's own.
    FromAction,
    /// The batch size of the moment, so that another batch size needs the preliminary context again.
    BatchSize,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "ProtoHEFAction")]
pub enum Action {
    /// Nothing; but what stands on its two sides is not adjacent.
    None,
    /// Hand configuration words to the device.
    WriteWords {
        /// The configuration stream, counted from 0.
        channel: u8,
        /// The words.
        words: Words,
    },
    /// Stop a control unit.
    DisableLcu(Lcu),
    /// Start a control unit.
    EnableLcu {
        /// Which.
        lcu: Lcu,
        /// The network that it works for.
        network: u8,
        /// Where it counts finished kernels.
        kernel_done_address: u16,
        /// Up to how many.
        kernel_done_count: u32,
    },
    /// Tell a control unit the batch size again.
    SwitchLcuBatch {
        /// Which.
        lcu: Lcu,
        /// The network that it works for.
        network: u8,
    },
    /// Start a sequencer.
    EnableSequencer(Sequencer),
    /// Wait until it is done.
    WaitForSequencer {
        /// Its cluster.
        cluster: u8,
    },
    /// Wait until a module is configured.
    WaitForModuleConfigDone {
        /// Which.
        index: u8,
    },
    /// Let an input's data flow.
    AllowInputDataflow {
        /// The stream index of the input.
        stream: u8,
    },
    /// Start non-maximum suppression.
    EnableNms {
        /// Which unit.
        unit: u8,
        /// The network that it works for.
        network: u8,
        /// Number of classes, not 0.
        classes: u16,
        /// Boxes per burst, not 0.
        burst_size: u16,
        /// Chunks per class, not 0.
        division_factor: u8,
    },
    /// Write a register.
    WriteDataByType {
        /// Its address, a multiple of 4.
        address: u32,
        /// With what.
        data_type: WriteDataType,
        /// The bytes, little-endian.
        data: u32,
        /// By how many bits the value is shifted.
        shift: u8,
        /// Which bits are written.
        mask: u32,
        /// The network whose batch size it is.
        network: u8,
    },
    /// Wait.
    Sleep {
        /// How long, at least 1000 µs.
        microseconds: u32,
    },
    /// Stop for good.
    Halt,
}

/// What decoding an action needs to know of the file around it.
pub(super) struct Surroundings<'a> {
    /// The whole file.
    pub(super) file: &'a Bytes,
    /// The container.
    pub(super) container: &'a super::Container,
    /// Whether `network_index` counts.
    pub(super) multi_network: bool,
}

fn byte(value: u32, what: &str) -> Result<u8, Refusal> {
    u8::try_from(value).map_err(|_| Refusal::invalid(format!("{what} {value} is greater than 255")))
}

fn half(value: u32, what: &str) -> Result<u16, Refusal> {
    u16::try_from(value).map_err(|_| Refusal::invalid(format!("{what} {value} is greater than 65535")))
}

/// The fields of an encoded message that are not its identity; to name a kind that nothing here knows.
fn other_fields(mut message: Bytes) -> String {
    let mut fields = Vec::new();
    while message.has_remaining() {
        let Ok((tag, wire_type)) = decode_key(&mut message) else {
            break;
        };
        if skip_field(wire_type, tag, &mut message, DecodeContext::default()).is_err() {
            break;
        }
        if tag != 1 {
            fields.push(tag.to_string());
        }
    }
    if fields.is_empty() {
        "which says nothing at all".to_owned()
    } else {
        format!("protobuf field {}", fields.join(", "))
    }
}

impl Trigger {
    fn decode(message: &Bytes) -> Result<Self, Refusal> {
        let decoded: proto::Trigger = decode(message)?;
        Ok(match decoded.trigger {
            Some(TriggerKind::TriggerNone(_)) => Self::None,
            Some(TriggerKind::TriggerLcu(lcu)) => Self::Lcu(Lcu::new(lcu.cluster_index, lcu.lcu_index)?),
            Some(TriggerKind::TriggerAllDataWasSent(output)) => {
                Self::AllDataWasSent { stream: byte(output.shmifo_index, "stream index")? }
            }
            Some(TriggerKind::TriggerDmaIdle(output)) => {
                Self::DmaIdle { stream: byte(output.shmifo_index, "stream index")? }
            }
            Some(TriggerKind::TriggerNms(nms)) => Self::Nms([
                byte(nms.aggregator_index, "aggregator index")?,
                byte(nms.pred_cluster_ob_index, "output buffer index")?,
                byte(nms.pred_cluster_ob_cluster_index, "output buffer cluster")?,
                byte(nms.pred_cluster_ob_interface, "output buffer interface")?,
                byte(nms.succ_prepost_ob_index, "output buffer index")?,
                byte(nms.succ_prepost_ob_interface, "output buffer interface")?,
            ]),
            Some(TriggerKind::TriggerAllDataWasReceived(_)) => {
                return Err(Refusal::new(
                    LibraryStatus::NotImplemented,
                    "triggers of the kind `all data was received` are not supported",
                ));
            }
            None => {
                return Err(Refusal::internal(format!(
                    "a trigger of unknown kind ({})",
                    other_fields(message.clone())
                )));
            }
        })
    }
}

impl Action {
    fn decode(message: &Bytes, around: &Surroundings<'_>) -> Result<Self, Refusal> {
        let decoded: proto::Action = decode(message)?;
        let network = |index: u32| {
            if around.multi_network { byte(index, "network index") } else { Ok(0) }
        };
        let unsupported = |name: &str| Refusal::internal(format!("actions of the kind `{name}` are not supported"));
        Ok(match decoded.action {
            Some(ActionKind::None(_)) => Self::None,
            Some(ActionKind::WriteDataCcw(write)) => {
                if around.container.version != 0 {
                    return Err(Refusal::invalid(format!(
                        "configuration words inside the description, in a container of version {}",
                        around.container.version
                    )));
                }
                Self::WriteWords {
                    channel: byte(write.cfg_channel_index, "configuration stream")?,
                    words: Words(write.data),
                }
            }
            Some(ActionKind::WriteDataCcwPtr(write)) => Self::WriteWords {
                channel: byte(write.cfg_channel_index, "configuration stream")?,
                words: around.words(write)?,
            },
            Some(ActionKind::DisableLcu(lcu)) => Self::DisableLcu(Lcu::new(lcu.cluster_index, lcu.lcu_index)?),
            Some(ActionKind::EnableLcu(lcu)) => Self::EnableLcu {
                lcu: Lcu::new(lcu.cluster_index, lcu.lcu_index)?,
                network: network(lcu.network_index)?,
                kernel_done_address: half(lcu.lcu_kernel_done_address, "kernel done address")?,
                kernel_done_count: lcu.lcu_kernel_done_count,
            },
            Some(ActionKind::SwitchLcuBatch(lcu)) => Self::SwitchLcuBatch {
                lcu: Lcu::new(lcu.cluster_index, lcu.lcu_index)?,
                network: network(lcu.network_index)?,
            },
            Some(ActionKind::EnableSequencer(sequencer)) => Self::EnableSequencer(Sequencer::new(&sequencer)?),
            Some(ActionKind::WaitForSeqeuncer(wait)) => {
                Self::WaitForSequencer { cluster: byte(wait.cluster_index, "cluster index")? }
            }
            Some(ActionKind::WaitForModuleConfigDone(wait)) => {
                Self::WaitForModuleConfigDone { index: byte(wait.index, "module index")? }
            }
            Some(ActionKind::AllowInputDataflow(allow)) => {
                Self::AllowInputDataflow { stream: byte(allow.sys_index, "stream index")? }
            }
            Some(ActionKind::EnableNms(nms)) => {
                if nms.number_of_classes == 0 || nms.burst_size == 0 {
                    return Err(Refusal::invalid(
                        "non-maximum suppression without a number of classes and a burst size: the file is too old",
                    ));
                }
                Self::EnableNms {
                    unit: byte(nms.nms_unit_index, "unit")?,
                    network: network(nms.network_index)?,
                    classes: half(nms.number_of_classes, "number of classes")?,
                    burst_size: half(nms.burst_size, "burst size")?,
                    division_factor: byte(nms.division_factor.max(1), "division factor")?,
                }
            }
            Some(ActionKind::WriteDataByType(write)) => {
                Self::write_data_by_type(&write, network(write.network_index)?)?
            }
            Some(ActionKind::Debug(debug)) => match debug.action {
                Some(DebugKind::Sleep(sleep)) => Self::sleep(sleep.duration_in_usec)?,
                Some(DebugKind::Halt(_)) => Self::Halt,
                None => return Err(unsupported("debug")),
            },
            Some(ActionKind::WriteData(_)) => return Err(unsupported("write data")),
            Some(ActionKind::WriteCompressedData(_)) => return Err(unsupported("write compressed data")),
            Some(ActionKind::AllowConfigChannels(_)) => return Err(unsupported("allow configuration channels")),
            Some(ActionKind::DisableDataChannels(_)) => return Err(unsupported("disable data channels")),
            None => {
                return Err(Refusal::internal(format!(
                    "an action of unknown kind ({})",
                    other_fields(message.clone())
                )));
            }
        })
    }

    fn write_data_by_type(write: &proto::WriteDataByType, network: u8) -> Result<Self, Refusal> {
        /// Registers are words.
        const REGISTER: usize = 4;
        let address =
            u32::try_from(write.address).ok().filter(|address| address.is_multiple_of(REGISTER as u32)).ok_or_else(
                || Refusal::invalid(format!("a register at {:#x} is not a 32-bit multiple of 4", write.address)),
            )?;
        let data_type = match write.data_type {
            0 => WriteDataType::FromAction,
            1 => WriteDataType::BatchSize,
            other => return Err(Refusal::invalid(format!("data of unknown type {other} for a register"))),
        };
        let mut data = [0; REGISTER];
        let Some(bytes) = data.get_mut(..write.data.len()) else {
            return Err(Refusal::invalid(format!("{} bytes for a register of {REGISTER}", write.data.len())));
        };
        bytes.copy_from_slice(&write.data);
        Ok(Self::WriteDataByType {
            address,
            data_type,
            data: u32::from_le_bytes(data),
            shift: byte(write.shift, "shift")?,
            mask: write.mask,
            network,
        })
    }

    fn sleep(microseconds: u64) -> Result<Self, Refusal> {
        /// What the firmware can wait at least.
        const SHORTEST: u64 = 1000;
        if microseconds < SHORTEST {
            return Err(Refusal::invalid(format!("a sleep of {microseconds} µs, the shortest is {SHORTEST} µs")));
        }
        Ok(Self::Sleep { microseconds: u32::try_from(microseconds).unwrap_or(u32::MAX) })
    }
}

impl Sequencer {
    fn new(action: &proto::EnableSequencer) -> Result<Self, Refusal> {
        let (initial_l3_cut, initial_l3_offset) = match action.initial_l3_info {
            Some(info) if info.includes_initial_l3_info => {
                (byte(info.initial_l3_index, "cut")?, half(info.initial_l3_offset, "offset in a cut")?)
            }
            // Older compilers pack both into one word: seven bits of cut, then twelve of offset in units of 8.
            _ => ((action.initial_l3_legacy & 0x7f) as u8, ((action.initial_l3_legacy >> 7 & 0xfff) as u16) << 3),
        };
        Ok(Self {
            cluster: byte(action.cluster_index, "cluster index")?,
            initial_l3_cut,
            initial_l3_offset,
            active_apu: action.active_apu_bitmap,
            active_ia: action.active_ia_bitmap,
            active_sc: action.active_sc_bitmap,
            active_l2: action.active_l2_bitmap,
            l2_offset_0: u64::from(action.l2_write_0) | u64::from(action.l2_write_1) << 32,
            l2_offset_1: u64::from(action.l2_write_2) | u64::from(action.l2_write_3) << 32,
        })
    }
}

impl Surroundings<'_> {
    /// The words that a pointer names, checked against the section of the file.
    fn words(&self, pointer: proto::WriteDataCcwPtr) -> Result<Words, Refusal> {
        if self.container.version == 0 {
            return Err(Refusal::invalid(
                "a pointer to configuration words in a container of version 0, which has none outside the description",
            ));
        }
        let section = &self.container.words;
        usize::try_from(pointer.offset)
            .ok()
            .and_then(|offset| {
                let start = section.start.checked_add(offset)?;
                let end = start.checked_add(pointer.size as usize)?;
                (end <= section.end).then_some(start..end)
            })
            .map(|range| Words(self.file.slice(range)))
            .ok_or_else(|| {
                Refusal::invalid(format!(
                    "{} bytes of configuration words at offset {}, but the file has {} bytes of them",
                    pointer.size,
                    pointer.offset,
                    section.len()
                ))
            })
    }

    /// Decodes the operations of one context.
    pub(super) fn operations(&self, messages: &[Bytes]) -> Result<Vec<Operation>, Refusal> {
        messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                decode(message).and_then(|message| self.operation(&message)).within(|| format!("operation {index}"))
            })
            .collect()
    }

    fn operation(&self, message: &proto::Operation) -> Result<Operation, Refusal> {
        let trigger = message.trigger.clone().unwrap_or_default();
        Ok(Operation {
            trigger: Trigger::decode(&trigger)?,
            actions: message
                .actions
                .iter()
                .enumerate()
                .map(|(index, action)| Action::decode(action, self).within(|| format!("action {index}")))
                .collect::<Result<_, _>>()?,
        })
    }
}
