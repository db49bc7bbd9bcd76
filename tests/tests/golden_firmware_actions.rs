//! Action lists and network group headers as the vendor library 4.23.0 sent them, and the laws of their encoding.

use hailo_abi::firmware::actions::{
    Action, ActionError, ActionReader, ActionType, ChunkEncoder, MAX_CHUNK_SIZE, MAX_PIECE_SIZE, Piece, Pieces,
};
use hailo_abi::firmware::{FirmwareInterface, NetworkGroupHeader};
use hailo_tests::firmware::actions::{action, interface, list, types};
use hailo_tests::firmware::tables::{rows, unhex};
use proptest::prelude::*;

const RELEASE: FirmwareInterface = FirmwareInterface::V4_21;

fn read(interface: FirmwareInterface, bytes: &[u8]) -> Vec<Piece> {
    ActionReader::new(interface, bytes).collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}"))
}

fn write(interface: FirmwareInterface, pieces: impl IntoIterator<Item = Piece>) -> Vec<u8> {
    let mut buffer = [0; MAX_PIECE_SIZE];
    let mut bytes = Vec::new();
    for piece in pieces {
        let length = piece.encode(interface, &mut buffer).expect("a piece that was read");
        bytes.extend_from_slice(&buffer[..length]);
    }
    bytes
}

fn chunks(interface: FirmwareInterface, actions: &[Option<Action>]) -> Vec<Vec<u8>> {
    let mut encoder = ChunkEncoder::new(interface, actions);
    let mut buffer = [0; MAX_CHUNK_SIZE];
    let mut chunks = Vec::new();
    while let Some(length) = encoder.next_chunk(&mut buffer).expect("an action of this generation") {
        chunks.push(buffer[..length].to_vec());
    }
    assert!(encoder.is_finished());
    chunks
}

/// The actions to be written so that these pieces come out: an action that does nothing parts what is not in one group.
fn regrouped(pieces: &[Piece]) -> Vec<Option<Action>> {
    let mut actions: Vec<Option<Action>> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Action { action, .. } => actions.extend([None, Some(*action)]),
            Piece::Repetition { .. } => actions.push(None),
            Piece::Repeated(action) => actions.push(Some(*action)),
        }
    }
    actions
}

#[test]
fn contexts_of_the_made_up_models_are_read_and_written_again() {
    let (mut headers, mut contexts, mut actions) = (0, 0, 0);
    let mut kinds = std::collections::BTreeSet::new();
    for [model, header, list] in rows("artificial-contexts.tsv", ["model", "header", "contexts"]) {
        let bytes = unhex(&header);
        let header = NetworkGroupHeader::decode(RELEASE, &bytes).unwrap();
        let mut buffer = [0; NetworkGroupHeader::MAX_SIZE];
        let length = header.encode(RELEASE, &mut buffer).unwrap();
        assert_eq!(buffer[..length], bytes, "{model}");
        headers += 1;

        let mut sent: Vec<Vec<u8>> = Vec::new();
        for chunk in list.split(' ') {
            let (flags, data) = chunk.split_once(':').unwrap();
            if flags.starts_with('1') {
                assert!(sent.is_empty(), "{model}");
            }
            sent.push(unhex(data));
            if flags.as_bytes()[1] == b'0' {
                continue;
            }
            let whole = sent.concat();
            let pieces = read(RELEASE, &whole);
            assert_eq!(write(RELEASE, pieces.iter().copied()), whole, "{model}");
            let read_actions = regrouped(&pieces);
            assert_eq!(chunks(RELEASE, &read_actions), sent, "{model}");
            actions += read_actions.iter().flatten().count();
            kinds.extend(read_actions.iter().flatten().map(|action| action.action_type()));
            contexts += 1;
            sent.clear();
        }
        assert!(sent.is_empty(), "{model}: the last chunk is missing");
    }
    println!("{headers} headers, {contexts} contexts, {actions} actions of {} kinds", kinds.len());
    assert_eq!((headers, contexts, actions, kinds.len()), (120, 532, 9291, 30));
}

#[test]
fn every_type_has_one_size_in_every_generation() {
    for interface in FirmwareInterface::ALL {
        for kind in types(interface) {
            let (action, length) = Action::decode_body(interface, kind, &[0; MAX_PIECE_SIZE]).unwrap();
            assert_eq!(action.action_type(), kind);
            assert!(length + 5 <= MAX_PIECE_SIZE);
            let short = vec![0; length.saturating_sub(1)];
            let error = Action::decode_body(interface, kind, &short).map(|_| ());
            let expected = ActionError::Truncated { action: kind, offset: 0, needed: length, available: short.len() };
            assert_eq!(error, if length == 0 { Ok(()) } else { Err(expected) });
        }
    }
}

#[test]
fn a_bad_list_is_refused_where_it_is_bad() {
    let first_error = |bytes: &[u8]| ActionReader::new(RELEASE, bytes).find_map(Result::err);
    let start = [29, 255, 255, 255, 255];
    let with = |tail: &[u8]| [&start, tail].concat();
    assert_eq!(first_error(&start), None);
    assert_eq!(
        first_error(&with(&[45, 255, 255, 255, 255])),
        Some(ActionError::Unknown { action: ActionType(45), offset: 5 })
    );
    assert_eq!(
        first_error(&with(&[5, 255, 255])),
        Some(ActionError::Truncated { action: ActionType::DISABLE_LCU, offset: 5, needed: 5, available: 3 })
    );
    assert_eq!(
        first_error(&with(&[5, 255, 255, 255, 255])),
        Some(ActionError::Truncated { action: ActionType::DISABLE_LCU, offset: 5, needed: 6, available: 5 })
    );
    for (count, kind) in [(0, 5), (3, 24)] {
        assert_eq!(
            first_error(&with(&[24, 255, 255, 255, 255, count, 0, kind])),
            Some(ActionError::BadRepetition { count, action: ActionType(kind), offset: 5 })
        );
    }
    assert_eq!(
        first_error(&with(&[24, 255, 255, 255, 255, 3, 0, 5, 1])),
        Some(ActionError::IncompleteRepetition { action: ActionType::DISABLE_LCU, missing: 2 })
    );
    assert_eq!(
        first_error(&with(&[24, 255, 255, 255, 255, 3, 0, 99, 1])),
        Some(ActionError::Unknown { action: ActionType(99), offset: 13 })
    );
}

proptest! {
    #[test]
    fn what_was_written_is_read_back((interface, action) in interface().prop_flat_map(|i| (Just(i), action(i)))) {
        let mut buffer = [0; MAX_PIECE_SIZE];
        let length = action.encode(interface, &mut buffer).unwrap();
        let pieces = read(interface, &buffer[..length]);
        prop_assert_eq!(pieces, vec![Piece::Action { time_stamp: u32::MAX, action }]);
        for short in 0..length {
            let error = action.encode(interface, &mut buffer[..short]);
            prop_assert!(matches!(error, Err(ActionError::NoRoom { .. })), "{:?}", error);
        }
    }

    #[test]
    fn lists_are_grouped_and_cut_between_pieces((interface, actions) in interface().prop_flat_map(|i| (Just(i), list(i)))) {
        let chunks = chunks(interface, &actions);
        for pair in chunks.windows(2) {
            prop_assert!(pair[0].len() + MAX_PIECE_SIZE > MAX_CHUNK_SIZE);
        }
        let whole = chunks.concat();
        let pieces = read(interface, &whole);
        prop_assert_eq!(&pieces, &Pieces::new(&actions).collect::<Vec<_>>());
        prop_assert_eq!(write(interface, pieces.iter().copied()), whole);
        let read: Vec<_> = pieces.iter().filter_map(Piece::action).copied().collect();
        prop_assert_eq!(read, actions.iter().flatten().copied().collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_without_panic(interface in interface(), bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut reader = ActionReader::new(interface, &bytes);
        let mut before = 0;
        while let Some(piece) = reader.next() {
            prop_assert!(reader.offset() >= before && reader.offset() <= bytes.len());
            before = reader.offset();
            if piece.is_err() {
                prop_assert!(reader.next().is_none());
            }
        }
        if let Ok(header) = NetworkGroupHeader::decode(interface, &bytes) {
            let mut buffer = [0; NetworkGroupHeader::MAX_SIZE];
            let length = header.encode(interface, &mut buffer).unwrap();
            prop_assert_eq!(&buffer[..length], &bytes[..]);
        }
    }

    #[test]
    fn any_network_group_header_is_kept(interface in interface(), bytes in proptest::collection::vec(any::<u8>(), NetworkGroupHeader::MAX_SIZE)) {
        let bytes = &bytes[..NetworkGroupHeader::size(interface)];
        let header = NetworkGroupHeader::decode(interface, bytes).unwrap();
        let mut buffer = [0; NetworkGroupHeader::MAX_SIZE];
        let length = header.encode(interface, &mut buffer).unwrap();
        prop_assert_eq!(&buffer[..length], bytes);
    }
}
