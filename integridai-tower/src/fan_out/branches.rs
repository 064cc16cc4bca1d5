//! What can be gathered: tuples of up to eight branches, and a `Vec` of branches of one type.

use std::fmt::Display;

use super::branch::{Branch, BranchFuture, Need};
use super::list::{Cons, List, Many, Nil, cons};
use super::slot::Cell;
use crate::BoxError;

/// Branches that can be [gathered](super::gather): a tuple of up to eight [`Branch`]es of any types, or a `Vec` of one type.
pub trait Branches {
    /// How they are kept.
    #[doc(hidden)]
    type List: List;
    /// What they give together: for a [`Required`](super::Required) branch its value, for an
    /// [`Optional`](super::Optional) one a `Result`.
    type Values;

    #[doc(hidden)]
    fn into_list(self) -> Self::List;

    #[doc(hidden)]
    fn unpack(values: <Self::List as List>::Values) -> Self::Values;
}

impl<F, N> Branches for Vec<Branch<F, N>>
where
    F: BranchFuture<Error: Into<BoxError> + Display>,
    N: Need,
{
    type List = Many<F, N>;
    type Values = Vec<N::Output<F::Value, F::Error>>;

    #[inline]
    fn into_list(self) -> Self::List {
        self.into_iter().map(|branch| Box::pin(Cell::new(branch))).collect()
    }

    fn unpack(values: Self::Values) -> Self::Values {
        values
    }
}

/// One branch of a tuple.
pub trait Element {
    /// How it is kept.
    #[doc(hidden)]
    type Future: BranchFuture<Error: Into<BoxError> + Display>;
    /// Whether it is needed.
    #[doc(hidden)]
    type Need: Need;

    #[doc(hidden)]
    fn into_cell(self) -> Cell<Self::Future, Self::Need>;
}

impl<F, N> Element for Branch<F, N>
where
    F: BranchFuture<Error: Into<BoxError> + Display>,
    N: Need,
{
    type Future = F;
    type Need = N;

    #[inline]
    fn into_cell(self) -> Cell<F, N> {
        Cell::new(self)
    }
}

type Kept<P> = Cell<<P as Element>::Future, <P as Element>::Need>;
type ValueOf<P> = <<P as Element>::Need as Need>::Output<
    <<P as Element>::Future as BranchFuture>::Value,
    <<P as Element>::Future as BranchFuture>::Error,
>;

impl<A: Element> Branches for (A,) {
    type List = Cons<Kept<A>, Nil>;
    type Values = (ValueOf<A>,);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(self.0.into_cell(), Nil)
    }

    fn unpack((a, ()): <Self::List as List>::Values) -> Self::Values {
        (a,)
    }
}

impl<A: Element, B: Element> Branches for (A, B) {
    type List = Cons<Kept<A>, Cons<Kept<B>, Nil>>;
    type Values = (ValueOf<A>, ValueOf<B>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(self.0.into_cell(), cons(self.1.into_cell(), Nil))
    }

    fn unpack((a, (b, ())): <Self::List as List>::Values) -> Self::Values {
        (a, b)
    }
}

impl<A: Element, B: Element, C: Element> Branches for (A, B, C) {
    type List = Cons<Kept<A>, Cons<Kept<B>, Cons<Kept<C>, Nil>>>;
    type Values = (ValueOf<A>, ValueOf<B>, ValueOf<C>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(self.0.into_cell(), cons(self.1.into_cell(), cons(self.2.into_cell(), Nil)))
    }

    fn unpack((a, (b, (c, ()))): <Self::List as List>::Values) -> Self::Values {
        (a, b, c)
    }
}

impl<A: Element, B: Element, C: Element, D: Element> Branches for (A, B, C, D) {
    type List = Cons<Kept<A>, Cons<Kept<B>, Cons<Kept<C>, Cons<Kept<D>, Nil>>>>;
    type Values = (ValueOf<A>, ValueOf<B>, ValueOf<C>, ValueOf<D>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(
            self.0.into_cell(),
            cons(self.1.into_cell(), cons(self.2.into_cell(), cons(self.3.into_cell(), Nil))),
        )
    }

    fn unpack((a, (b, (c, (d, ())))): <Self::List as List>::Values) -> Self::Values {
        (a, b, c, d)
    }
}

impl<A: Element, B: Element, C: Element, D: Element, E: Element> Branches for (A, B, C, D, E) {
    type List = Cons<Kept<A>, Cons<Kept<B>, Cons<Kept<C>, Cons<Kept<D>, Cons<Kept<E>, Nil>>>>>;
    type Values = (ValueOf<A>, ValueOf<B>, ValueOf<C>, ValueOf<D>, ValueOf<E>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(
            self.0.into_cell(),
            cons(
                self.1.into_cell(),
                cons(self.2.into_cell(), cons(self.3.into_cell(), cons(self.4.into_cell(), Nil))),
            ),
        )
    }

    fn unpack((a, (b, (c, (d, (e, ()))))): <Self::List as List>::Values) -> Self::Values {
        (a, b, c, d, e)
    }
}

impl<A: Element, B: Element, C: Element, D: Element, E: Element, F: Element> Branches for (A, B, C, D, E, F) {
    type List = Cons<Kept<A>, Cons<Kept<B>, Cons<Kept<C>, Cons<Kept<D>, Cons<Kept<E>, Cons<Kept<F>, Nil>>>>>>;
    type Values = (ValueOf<A>, ValueOf<B>, ValueOf<C>, ValueOf<D>, ValueOf<E>, ValueOf<F>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(
            self.0.into_cell(),
            cons(
                self.1.into_cell(),
                cons(
                    self.2.into_cell(),
                    cons(self.3.into_cell(), cons(self.4.into_cell(), cons(self.5.into_cell(), Nil))),
                ),
            ),
        )
    }

    fn unpack((a, (b, (c, (d, (e, (f, ())))))): <Self::List as List>::Values) -> Self::Values {
        (a, b, c, d, e, f)
    }
}

impl<A: Element, B: Element, C: Element, D: Element, E: Element, F: Element, G: Element> Branches
    for (A, B, C, D, E, F, G)
{
    type List = Cons<
        Kept<A>,
        Cons<Kept<B>, Cons<Kept<C>, Cons<Kept<D>, Cons<Kept<E>, Cons<Kept<F>, Cons<Kept<G>, Nil>>>>>>,
    >;
    type Values = (ValueOf<A>, ValueOf<B>, ValueOf<C>, ValueOf<D>, ValueOf<E>, ValueOf<F>, ValueOf<G>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(
            self.0.into_cell(),
            cons(
                self.1.into_cell(),
                cons(
                    self.2.into_cell(),
                    cons(
                        self.3.into_cell(),
                        cons(self.4.into_cell(), cons(self.5.into_cell(), cons(self.6.into_cell(), Nil))),
                    ),
                ),
            ),
        )
    }

    fn unpack((a, (b, (c, (d, (e, (f, (g, ()))))))): <Self::List as List>::Values) -> Self::Values {
        (a, b, c, d, e, f, g)
    }
}

impl<A: Element, B: Element, C: Element, D: Element, E: Element, F: Element, G: Element, H: Element> Branches
    for (A, B, C, D, E, F, G, H)
{
    type List = Cons<
        Kept<A>,
        Cons<
            Kept<B>,
            Cons<Kept<C>, Cons<Kept<D>, Cons<Kept<E>, Cons<Kept<F>, Cons<Kept<G>, Cons<Kept<H>, Nil>>>>>>,
        >,
    >;
    type Values =
        (ValueOf<A>, ValueOf<B>, ValueOf<C>, ValueOf<D>, ValueOf<E>, ValueOf<F>, ValueOf<G>, ValueOf<H>);

    #[inline]
    fn into_list(self) -> Self::List {
        cons(
            self.0.into_cell(),
            cons(
                self.1.into_cell(),
                cons(
                    self.2.into_cell(),
                    cons(
                        self.3.into_cell(),
                        cons(
                            self.4.into_cell(),
                            cons(self.5.into_cell(), cons(self.6.into_cell(), cons(self.7.into_cell(), Nil))),
                        ),
                    ),
                ),
            ),
        )
    }

    fn unpack((a, (b, (c, (d, (e, (f, (g, (h, ())))))))): <Self::List as List>::Values) -> Self::Values {
        (a, b, c, d, e, f, g, h)
    }
}
