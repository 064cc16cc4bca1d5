//! The room against a list of all who wait, gone through from one end to the other.

use proptest::prelude::*;

use super::super::room::{Arrival, Room, Ticket};
use crate::Priority;

#[derive(Debug, Clone)]
enum Step {
    Enter(Priority),
    Leave,
    GiveUp(usize),
    Limit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize).prop_map(|index| Step::Enter(Priority::ALL[index])),
        3 => Just(Step::Leave),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => (1..5_u32).prop_map(Step::Limit),
    ]
}

/// Who stands where, in the order in which they came.
struct Reference {
    limit: usize,
    max_queued: usize,
    inside: usize,
    waiting: Vec<(Priority, u32)>,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Inside,
    Queued(Option<u32>),
    Full,
}

impl Reference {
    fn enter(&mut self, priority: Priority, name: u32) -> Expected {
        if self.inside < self.limit {
            self.inside += 1;
            return Expected::Inside;
        }
        let mut displaced = None;
        if self.waiting.len() >= self.max_queued {
            let least = self.waiting.iter().map(|(priority, _)| *priority).min();
            let Some(least) = least.filter(|least| *least < priority) else { return Expected::Full };
            let last = self.waiting.iter().rposition(|(priority, _)| *priority == least).unwrap();
            displaced = Some(self.waiting.remove(last).1);
        }
        self.waiting.push((priority, name));
        Expected::Queued(displaced)
    }

    fn next(&mut self) -> Option<u32> {
        let most = self.waiting.iter().map(|(priority, _)| *priority).max()?;
        let first = self.waiting.iter().position(|(priority, _)| *priority == most)?;
        (self.inside < self.limit).then(|| {
            self.inside += 1;
            self.waiting.remove(first).1
        })
    }
}

struct Both {
    room: Room<u32>,
    reference: Reference,
    tickets: Vec<(Ticket, u32)>,
    names: u32,
}

impl Both {
    fn do_step(&mut self, step: &Step) {
        match step {
            Step::Enter(priority) => self.enter(*priority),
            Step::Leave => {
                self.room.leave();
                self.reference.inside = self.reference.inside.saturating_sub(1);
            }
            Step::GiveUp(index) if !self.tickets.is_empty() => {
                let (ticket, name) = self.tickets.swap_remove(index % self.tickets.len());
                let place = self.reference.waiting.iter().position(|(_, waiting)| *waiting == name);
                assert_eq!(self.room.give_up(ticket), place.is_some());
                place.map(|place| self.reference.waiting.remove(place));
            }
            Step::GiveUp(_) => {}
            Step::Limit(limit) => {
                self.room.set_limit(*limit);
                self.reference.limit = *limit as usize;
            }
        }
        self.let_in();
    }

    fn enter(&mut self, priority: Priority) {
        self.names += 1;
        let name = self.names;
        let arrival = match self.room.enter(priority, || name) {
            Arrival::Inside(inside) => {
                assert_eq!(inside as usize, self.reference.inside + 1);
                Expected::Inside
            }
            Arrival::Queued(ticket, displaced) => {
                self.tickets.push((ticket, name));
                Expected::Queued(displaced)
            }
            Arrival::Full => Expected::Full,
        };
        assert_eq!(arrival, self.reference.enter(priority, name));
    }

    fn let_in(&mut self) {
        loop {
            let next = self.room.next().map(|(name, _)| name);
            assert_eq!(next, self.reference.next());
            if next.is_none() {
                break;
            }
        }
    }

    fn agree(&self) {
        let Reference { limit, max_queued, inside, waiting } = &self.reference;
        assert_eq!((self.room.inside() as usize, self.room.queued()), (*inside, waiting.len()));
        let by = Priority::ALL.map(|priority| self.room.queued_by(priority));
        assert_eq!(by.iter().sum::<usize>(), self.room.queued());
        assert!(waiting.len() <= *max_queued, "the line is bounded");
        assert!(waiting.is_empty() || inside >= limit, "nobody waits while there is room");
    }
}

proptest! {
    #[test]
    fn whoever_comes_leaves_or_gives_up_is_treated_as_the_list_says(
        limit in 1..5_u32,
        max_queued in 0..6_usize,
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let reference = Reference { limit: limit as usize, max_queued, inside: 0, waiting: Vec::new() };
        let mut both = Both { room: Room::new(limit, max_queued), reference, tickets: Vec::new(), names: 0 };
        for step in &steps {
            both.do_step(step);
            both.agree();
        }
    }
}

#[test]
fn the_most_urgent_comes_first_and_among_equals_who_came_first() {
    let mut room = Room::new(1, 10);
    assert_eq!(room.enter(Priority::Low, || 0), Arrival::Inside(1));
    for (priority, name) in
        [(Priority::Low, 1), (Priority::High, 2), (Priority::Normal, 3), (Priority::High, 4)]
    {
        assert!(matches!(room.enter(priority, || name), Arrival::Queued(_, None)));
    }
    let order: Vec<u32> = std::iter::from_fn(|| {
        room.leave();
        room.next().map(|(name, _)| name)
    })
    .collect();
    assert_eq!(order, [2, 4, 3, 1]);
}
