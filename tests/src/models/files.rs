//! Packs model files in all versions of the container, out of a made-up one of version 1.

use hailo_linux::hef::{proto, proto_layers};
use md5::{Digest, Md5};
use prost::Message;
use prost::bytes::Bytes;

/// A model file in its parts.
#[derive(Clone, Debug)]
pub struct Builder {
    message: proto::Hef,
    words: Vec<u8>,
}

/// What to do with the words of a file.
#[derive(Clone, Copy, Debug)]
pub enum Section {
    /// Take away the last byte.
    Truncated,
}

const MAGIC: u32 = 0x0148_4546;
const HEADERS: [usize; 4] = [32, 28, 44, 56];
/// Where version 3 wants its words to begin.
const ALIGNMENT: usize = 4096;

/// A file of a version with the right header for this description and these words. Version 0 has no words of its own
/// and leaves them out; version 3 gets padding before the words and something behind them.
///
/// # Panics
/// If the description is too large for a header.
#[must_use]
pub fn pack(version: u32, description: &[u8], words: &[u8]) -> Vec<u8> {
    let protobuf = u32::try_from(description.len()).expect("a small file");
    let mut file: Vec<u8> = [MAGIC, version, protobuf].iter().flat_map(|word| word.to_be_bytes()).collect();
    let length = (words.len() as u64).to_be_bytes();
    let body = match version {
        0 => {
            file.extend([0; 4]);
            file.extend(Md5::digest(description));
            description.to_vec()
        }
        1 => {
            let body = [description, words].concat();
            file.extend(crc32fast::hash(&body).to_be_bytes());
            file.extend(length);
            file.extend([0; 4]);
            body
        }
        2 => {
            let body = [description, words].concat();
            file.extend(xxhash_rust::xxh3::xxh3_64(&body).to_be_bytes());
            file.extend(length);
            file.extend([0; 16]);
            body
        }
        _ => {
            let before = HEADERS[3] + description.len();
            let padding = before.next_multiple_of(ALIGNMENT) - before;
            let additional = [0x5a; 20];
            let body = [description, &vec![0; padding], words, &additional].concat();
            file.extend(xxhash_rust::xxh3::xxh3_64(&body).to_be_bytes());
            file.extend(((words.len() + padding) as u64).to_be_bytes());
            file.extend((padding as u32).to_be_bytes());
            file.extend((additional.len() as u64).to_be_bytes());
            file.extend([0; 16]);
            body
        }
    };
    file.extend(body);
    file
}

/// Changes a message that is part of another.
fn edit<M: Message + Default>(message: &mut Bytes, change: impl FnOnce(&mut M)) {
    let mut decoded = M::decode(message.clone()).expect("a part of a description");
    change(&mut decoded);
    *message = decoded.encode_to_vec().into();
}

impl Builder {
    /// Takes a file of version 1 apart.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn of_version_1(file: &[u8]) -> Self {
        assert_eq!(file[4..8], 1u32.to_be_bytes());
        let length = u32::from_be_bytes(file[8..12].try_into().expect("four bytes")) as usize;
        let (message, words) = file[HEADERS[1]..].split_at(length);
        Self {
            message: proto::Hef::decode(Bytes::copy_from_slice(message)).expect("a description"),
            words: words.to_vec(),
        }
    }

    /// The length of the header of a version.
    #[must_use]
    pub fn header(&self, version: usize) -> usize {
        HEADERS[version]
    }

    /// The description, to be changed.
    pub fn message(&mut self) -> &mut proto::Hef {
        &mut self.message
    }

    /// Another section of words.
    #[must_use]
    pub fn with_words(mut self, section: Section) -> Self {
        match section {
            Section::Truncated => self.words.pop(),
        };
        self
    }

    /// So many more words, which the first of the writes takes instead of its own.
    ///
    /// # Panics
    /// If there is no write, or a part cannot be decoded.
    #[must_use]
    pub fn with_long_words(mut self, length: u32) -> Self {
        let mut offset = Some(self.words.len() as u64);
        self.words.extend((0..length).map(|index| (index % 251) as u8));
        Self::for_each_operation(&mut self.message, |operation| {
            for action in &mut operation.actions {
                edit(action, |action: &mut proto::Action| {
                    if let Some(proto::ActionKind::WriteDataCcwPtr(pointer)) = &mut action.action
                        && let Some(offset) = offset.take()
                    {
                        (pointer.offset, pointer.size) = (offset, length);
                    }
                });
            }
        });
        assert!(offset.is_none(), "no write");
        self
    }

    /// One more action at the end of the first operation of the preliminary context.
    ///
    /// # Panics
    /// If there is no such context.
    #[must_use]
    pub fn with_action(mut self, action: &[u8]) -> Self {
        let mut first = true;
        Self::for_each_operation(&mut self.message, |operation| {
            if std::mem::take(&mut first) {
                operation.actions.push(Bytes::copy_from_slice(action));
            }
        });
        assert!(!first, "no operation");
        self
    }

    /// The same with every network as an operation among others (extension 13).
    ///
    /// # Panics
    /// If a part cannot be decoded.
    #[must_use]
    pub fn with_networks_as_operations(mut self) -> Self {
        for group in &mut self.message.network_groups {
            edit(group, |group: &mut proto::NetworkGroup| {
                let core_op = proto::CoreOp {
                    network_group_metadata: group.network_group_metadata.clone(),
                    preliminary_config: group.preliminary_config.take(),
                    contexts: std::mem::take(&mut group.contexts),
                    sorted_outputs_order: std::mem::take(&mut group.sorted_outputs_order),
                    fused_layers_metadata: group.fused_layers_metadata.take(),
                    networks_names: group.networks_names.clone(),
                    partial_core_ops: Vec::new(),
                };
                let op = proto::Op { name: "core".to_owned(), op: Some(proto::OpKind::CoreOp(core_op)) };
                group.ops.push(op.encode_to_vec().into());
            });
        }
        self.with_extension(13, "HAILO_NET_FLOW")
    }

    /// The same for a Hailo-8L with these sets of clusters, all alike.
    ///
    /// # Panics
    /// If a part cannot be decoded.
    #[must_use]
    pub fn with_clusters(mut self, layouts: &[u32]) -> Self {
        const HAILO8L: i32 = 3;
        self.message.header.get_or_insert_default().hw_arch = HAILO8L;
        for group in &mut self.message.network_groups {
            edit(group, |group: &mut proto::NetworkGroup| {
                let whole = std::mem::take(group);
                group.partial_network_groups = layouts
                    .iter()
                    .map(|layout| {
                        let partial = proto::PartialNetworkGroup {
                            network_group: Some(whole.clone()),
                            layout: Some(proto::PhysicalLayout { partial_clusters_layout_bitmap: *layout }),
                        };
                        partial.encode_to_vec().into()
                    })
                    .collect();
            });
        }
        self
    }

    /// Changes every layer at a boundary in one direction (0 into the device, 1 out of it).
    ///
    /// # Panics
    /// If a part cannot be decoded.
    #[must_use]
    pub fn with_boundary(mut self, direction: i32, mut change: impl FnMut(&mut proto_layers::EdgeLayer)) -> Self {
        for group in &mut self.message.network_groups {
            edit(group, |group: &mut proto::NetworkGroup| {
                for context in &mut group.contexts {
                    edit(context, |context: &mut proto::Context| {
                        for layer in context.metadata.iter_mut().flat_map(|metadata| &mut metadata.edge_layers) {
                            edit(layer, |layer: &mut proto_layers::EdgeLayer| {
                                let connection =
                                    layer.context_switch_info.as_ref().map_or(0, |info| info.edge_connection_type);
                                if connection == 0 && layer.direction == direction {
                                    change(layer);
                                }
                            });
                        }
                    });
                }
            });
        }
        self
    }

    /// One more extension.
    #[must_use]
    pub fn with_extension(mut self, type_index: u32, name: &str) -> Self {
        self.message.extensions.push(proto::Extension { type_index, name: name.to_owned() });
        self
    }

    /// Changes every operation: those of the preliminary context, then those of the others.
    fn for_each_operation(message: &mut proto::Hef, mut change: impl FnMut(&mut proto::Operation)) {
        for group in &mut message.network_groups {
            edit(group, |group: &mut proto::NetworkGroup| {
                for operation in group.preliminary_config.iter_mut().flat_map(|config| &mut config.operation) {
                    edit(operation, &mut change);
                }
                for context in &mut group.contexts {
                    edit(context, |context: &mut proto::Context| {
                        context.operations.iter_mut().for_each(|operation| edit(operation, &mut change));
                    });
                }
            });
        }
    }

    /// The description with the words in it.
    fn inline(&self) -> proto::Hef {
        let mut message = self.message.clone();
        Self::for_each_operation(&mut message, |operation| {
            for action in &mut operation.actions {
                edit(action, |action: &mut proto::Action| {
                    let Some(proto::ActionKind::WriteDataCcwPtr(pointer)) = action.action else { return };
                    let offset = pointer.offset as usize;
                    let data = &self.words[offset..offset + pointer.size as usize];
                    action.action = Some(proto::ActionKind::WriteDataCcw(proto::WriteDataCcw {
                        data: Bytes::copy_from_slice(data),
                        cfg_channel_index: pointer.cfg_channel_index,
                    }));
                });
            }
        });
        message
    }

    fn pack(version: u32, message: &proto::Hef, words: &[u8]) -> Vec<u8> {
        pack(version, &message.encode_to_vec(), words)
    }

    /// The file as version 0.
    #[must_use]
    pub fn version_0(&self) -> Vec<u8> {
        Self::pack(0, &self.inline(), &[])
    }

    /// The file as version 1.
    #[must_use]
    pub fn version_1(&self) -> Vec<u8> {
        Self::pack(1, &self.message, &self.words)
    }

    /// The file as version 2.
    #[must_use]
    pub fn version_2(&self) -> Vec<u8> {
        Self::pack(2, &self.message, &self.words)
    }

    /// The file as version 3, with padding before the words and something behind them.
    #[must_use]
    pub fn version_3(&self) -> Vec<u8> {
        Self::pack(3, &self.message, &self.words)
    }

    /// A file that contradicts itself: version 0 whose words are outside.
    #[must_use]
    pub fn pointers_in_version_0(&self) -> Vec<u8> {
        Self::pack(0, &self.message, &[])
    }

    /// A file that contradicts itself: version 1 whose words are inside.
    #[must_use]
    pub fn inline_in_version_1(&self) -> Vec<u8> {
        Self::pack(1, &self.inline(), &self.words)
    }
}
