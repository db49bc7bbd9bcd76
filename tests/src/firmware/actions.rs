//! Random actions that a generation can write.

use hailo_abi::firmware::FirmwareInterface;
use hailo_abi::firmware::actions::{Action, ActionType, MAX_PIECE_SIZE};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// Any generation.
pub fn interface() -> impl Strategy<Value = FirmwareInterface> {
    select(&FirmwareInterface::ALL[..])
}

/// The actions that exist in a generation, but for the repetition, which has no body.
#[must_use]
pub fn types(interface: FirmwareInterface) -> Vec<ActionType> {
    (0..=u8::MAX)
        .map(ActionType)
        .filter(|action| action.exists_in(interface) && *action != ActionType::REPEATED_ACTION)
        .collect()
}

/// Any action of a generation with any values: every byte pattern of a body is one.
pub fn action(interface: FirmwareInterface) -> impl Strategy<Value = Action> {
    (select(types(interface)), vec(any::<u8>(), MAX_PIECE_SIZE)).prop_map(move |(action, bytes)| {
        Action::decode_body(interface, action, &bytes).expect("enough bytes for every body").0
    })
}

/// The actions of a context, with parts where neighbours are of one type, and actions that do nothing.
pub fn list(interface: FirmwareInterface) -> impl Strategy<Value = Vec<Option<Action>>> {
    let run = (action(interface), 1_usize..300).prop_map(|(action, count)| vec![Some(action); count]);
    let item = prop_oneof![6 => action(interface).prop_map(|a| vec![Some(a)]), 1 => Just(vec![None]), 1 => run];
    vec(item, 0..40).prop_map(|parts| parts.concat())
}
