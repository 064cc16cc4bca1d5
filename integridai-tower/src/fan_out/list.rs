//! Branches of different types beside each other, and many of one type.

use std::fmt::Display;
use std::pin::Pin;

use pin_project_lite::pin_project;

use super::branch::{BranchFuture, Need};
use super::slot::{Cell, Slot};
use crate::BoxError;

/// Branches that are pinned together and found by their number.
pub trait List {
    /// What is left of them: nested pairs, or a `Vec`.
    type Values;

    #[doc(hidden)]
    fn len(&self) -> usize;

    #[doc(hidden)]
    fn slot(self: Pin<&mut Self>, index: usize) -> Option<Pin<&mut dyn Slot>>;

    #[doc(hidden)]
    fn values(self: Pin<&mut Self>) -> Option<Self::Values>;
}

/// No further branch.
#[derive(Debug)]
pub struct Nil;

pin_project! {
    /// A branch and those behind it.
    #[derive(Debug)]
    pub struct Cons<H, T> {
        #[pin]
        head: H,
        #[pin]
        tail: T,
    }
}

#[inline]
pub(super) fn cons<H, T>(head: H, tail: T) -> Cons<H, T> {
    Cons { head, tail }
}

impl List for Nil {
    type Values = ();

    fn len(&self) -> usize {
        0
    }

    fn slot(self: Pin<&mut Self>, _: usize) -> Option<Pin<&mut dyn Slot>> {
        None
    }

    fn values(self: Pin<&mut Self>) -> Option<()> {
        Some(())
    }
}

impl<F, N, T> List for Cons<Cell<F, N>, T>
where
    F: BranchFuture<Error: Into<BoxError> + Display>,
    N: Need,
    T: List,
{
    type Values = (N::Output<F::Value, F::Error>, T::Values);

    fn len(&self) -> usize {
        1 + self.tail.len()
    }

    fn slot(self: Pin<&mut Self>, index: usize) -> Option<Pin<&mut dyn Slot>> {
        let this = self.project();
        match index.checked_sub(1) {
            None => Some(this.head),
            Some(behind) => this.tail.slot(behind),
        }
    }

    fn values(self: Pin<&mut Self>) -> Option<Self::Values> {
        let this = self.project();
        Some((this.head.output()?, this.tail.values()?))
    }
}

/// Branches of one type. Each has a place of its own, so that they can be pinned.
pub(super) type Many<F, N> = Vec<Pin<Box<Cell<F, N>>>>;

impl<F, N> List for Many<F, N>
where
    F: BranchFuture<Error: Into<BoxError> + Display>,
    N: Need,
{
    type Values = Vec<N::Output<F::Value, F::Error>>;

    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn slot(self: Pin<&mut Self>, index: usize) -> Option<Pin<&mut dyn Slot>> {
        Some(self.get_mut().get_mut(index)?.as_mut())
    }

    fn values(self: Pin<&mut Self>) -> Option<Self::Values> {
        self.get_mut().iter_mut().map(|cell| cell.as_mut().output()).collect()
    }
}
