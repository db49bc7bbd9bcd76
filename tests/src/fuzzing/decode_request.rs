//! Any request code with any bytes, to any release: what is decoded is encoded to the same bytes again, and what is read
//! from an answer can be written as one.
//!
//! Input: release, data model, request code (4 bytes; the first one's top bit clear means "the n-th request of the
//! release"), then the argument, which is cut or filled up with zeros unless the code is to be refused for its length.

use hailo_abi::interface::{EncodeError, RELEASES};
use hailo_abi::wire::{Access, Kind};
use hailo_abi::{DataModel, Request};

/// Runs one input. Panics on a violation.
///
/// # Panics
/// If a property does not hold.
pub fn run(data: &[u8]) {
    let Some((head, bytes)) = data.split_first_chunk::<6>() else { return };
    let (_, interface) = RELEASES[usize::from(head[0]) % RELEASES.len()];
    let model = DataModel::ALL[usize::from(head[1] & 1)];
    let code = u32::from_le_bytes([head[2], head[3], head[4], head[5]]);
    let request = if head[1] & 0x80 == 0 {
        interface.requests[code as usize % interface.requests.len()].codec(model).request
    } else {
        Request::from_raw(code)
    };
    let mut argument = bytes.to_vec();
    if head[1] & 0x40 == 0 {
        argument.resize(request.size(), 0);
    }

    let command = interface.decode(model, request, &argument);
    let reply = interface.decode_reply(model, request, &argument);
    let Some(entry) = interface.find(request, model) else {
        assert!(command.is_err() && reply.is_err(), "{request} is not one of {interface:?}");
        return;
    };
    let fits = argument.len() == request.size();
    assert_eq!((command.is_ok(), reply.is_ok()), (fits, fits), "{request} with {} bytes", argument.len());
    let (Ok(command), Ok(reply)) = (command, reply) else { return };

    let mut buffer = vec![0xff; request.size()];
    let (again, encoded) = interface.encode(model, &command, &mut buffer).expect("a decoded command can be encoded");
    assert_eq!(again, request);
    assert_eq!(interface.decode(model, request, encoded).as_ref(), Ok(&command));
    for field in entry.codec(model).layout.map_or(&[][..], |layout| layout.fields) {
        let (sent, read) = (field.of(encoded).expect("all of it"), field.of(&argument).expect("all of it"));
        match (field.access, &field.kind) {
            (Some(Access::Out), _) => assert!(sent.iter().all(|byte| *byte == 0), "{} is written", field.name),
            (_, Kind::Bool) => assert_eq!(sent[0], u8::from(read[0] != 0), "{}", field.name),
            // Which have booleans inside.
            (_, Kind::Struct(_)) => {}
            _ => assert_eq!(sent, read, "{}", field.name),
        }
    }

    let mut written = vec![0; request.size()];
    match interface.encode_reply(model, entry.operation, &reply, &mut written) {
        Ok(()) => assert_eq!(interface.decode_reply(model, request, &written).as_ref(), Ok(&reply)),
        // A count of entries for which there is no room.
        Err(EncodeError::Inexpressible { parameter, .. }) => assert!(parameter.ends_with("_count"), "{parameter}"),
        Err(error) => panic!("{error}"),
    }
}
