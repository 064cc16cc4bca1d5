//! The routes of a fan-out: tuples of up to eight services, and a `Vec` of services of one type.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower_service::Service;

use super::answer::AnswerFuture;
use super::branch::{Branch, Optional};
use super::branches::Branches;
use super::merge::Answer;
use super::route::Route;
use super::scatter::{Scatter, Scattered, Whole};
use crate::BoxError;

/// One route of a tuple.
pub trait AnyRoute {
    /// The service.
    #[doc(hidden)]
    type Service: Service<Request<Full<Bytes>>, Response = Response<Self::Body>, Error: Into<BoxError>>;
    /// What its answers consist of.
    #[doc(hidden)]
    type Body: Body<Error: Into<BoxError>>;

    #[doc(hidden)]
    fn route_name(&self) -> &str;

    #[doc(hidden)]
    fn into_branch(self, whole: &Whole<'_>) -> AnswerBranch<Self::Service, Self::Body>;
}

type AnswerBranch<S, B> = Branch<AnswerFuture<S, B>, Optional>;
type BranchOf<R> = AnswerBranch<<R as AnyRoute>::Service, <R as AnyRoute>::Body>;
type ValuesOf<R> = <<R as Scatter>::Branches as Branches>::Values;

impl<S, B> AnyRoute for Route<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Error: Into<BoxError>>,
{
    type Service = S;
    type Body = B;

    fn route_name(&self) -> &str {
        self.name()
    }

    #[inline]
    fn into_branch(self, whole: &Whole<'_>) -> AnswerBranch<S, B> {
        self.branch(whole)
    }
}

/// Services that a request goes to: a tuple of up to eight [`Route`]s of any services, or a `Vec` of one type.
pub trait Routes: Scatter {
    #[doc(hidden)]
    fn names(&self) -> Vec<&str>;
}

impl<S, B> Scatter for Vec<Route<S>>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Error: Into<BoxError>>,
{
    type Branches = Vec<AnswerBranch<S, B>>;

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches(self.into_iter().map(|route| route.branch(whole)).collect())
    }

    fn answers(values: Vec<Answer>) -> Vec<Answer> {
        values
    }
}

impl<S> Routes for Vec<Route<S>>
where
    Self: Scatter,
{
    fn names(&self) -> Vec<&str> {
        self.iter().map(Route::name).collect()
    }
}

impl<A: AnyRoute> Scatter for (A,) {
    type Branches = (BranchOf<A>,);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((self.0.into_branch(whole),))
    }

    fn answers((a,): ValuesOf<Self>) -> Vec<Answer> {
        vec![a]
    }
}

impl<A: AnyRoute> Routes for (A,) {
    fn names(&self) -> Vec<&str> {
        vec![self.0.route_name()]
    }
}

impl<A: AnyRoute, B: AnyRoute> Scatter for (A, B) {
    type Branches = (BranchOf<A>, BranchOf<B>);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((self.0.into_branch(whole), self.1.into_branch(whole)))
    }

    fn answers((a, b): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b]
    }
}

impl<A: AnyRoute, B: AnyRoute> Routes for (A, B) {
    fn names(&self) -> Vec<&str> {
        vec![self.0.route_name(), self.1.route_name()]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute> Scatter for (A, B, C) {
    type Branches = (BranchOf<A>, BranchOf<B>, BranchOf<C>);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((self.0.into_branch(whole), self.1.into_branch(whole), self.2.into_branch(whole)))
    }

    fn answers((a, b, c): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b, c]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute> Routes for (A, B, C) {
    fn names(&self) -> Vec<&str> {
        vec![self.0.route_name(), self.1.route_name(), self.2.route_name()]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute> Scatter for (A, B, C, D) {
    type Branches = (BranchOf<A>, BranchOf<B>, BranchOf<C>, BranchOf<D>);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((
            self.0.into_branch(whole),
            self.1.into_branch(whole),
            self.2.into_branch(whole),
            self.3.into_branch(whole),
        ))
    }

    fn answers((a, b, c, d): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b, c, d]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute> Routes for (A, B, C, D) {
    fn names(&self) -> Vec<&str> {
        vec![self.0.route_name(), self.1.route_name(), self.2.route_name(), self.3.route_name()]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute> Scatter for (A, B, C, D, E) {
    type Branches = (BranchOf<A>, BranchOf<B>, BranchOf<C>, BranchOf<D>, BranchOf<E>);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((
            self.0.into_branch(whole),
            self.1.into_branch(whole),
            self.2.into_branch(whole),
            self.3.into_branch(whole),
            self.4.into_branch(whole),
        ))
    }

    fn answers((a, b, c, d, e): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b, c, d, e]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute> Routes for (A, B, C, D, E) {
    fn names(&self) -> Vec<&str> {
        vec![
            self.0.route_name(),
            self.1.route_name(),
            self.2.route_name(),
            self.3.route_name(),
            self.4.route_name(),
        ]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute, F: AnyRoute> Scatter
    for (A, B, C, D, E, F)
{
    type Branches = (BranchOf<A>, BranchOf<B>, BranchOf<C>, BranchOf<D>, BranchOf<E>, BranchOf<F>);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((
            self.0.into_branch(whole),
            self.1.into_branch(whole),
            self.2.into_branch(whole),
            self.3.into_branch(whole),
            self.4.into_branch(whole),
            self.5.into_branch(whole),
        ))
    }

    fn answers((a, b, c, d, e, f): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b, c, d, e, f]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute, F: AnyRoute> Routes
    for (A, B, C, D, E, F)
{
    fn names(&self) -> Vec<&str> {
        vec![
            self.0.route_name(),
            self.1.route_name(),
            self.2.route_name(),
            self.3.route_name(),
            self.4.route_name(),
            self.5.route_name(),
        ]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute, F: AnyRoute, G: AnyRoute> Scatter
    for (A, B, C, D, E, F, G)
{
    type Branches =
        (BranchOf<A>, BranchOf<B>, BranchOf<C>, BranchOf<D>, BranchOf<E>, BranchOf<F>, BranchOf<G>);

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((
            self.0.into_branch(whole),
            self.1.into_branch(whole),
            self.2.into_branch(whole),
            self.3.into_branch(whole),
            self.4.into_branch(whole),
            self.5.into_branch(whole),
            self.6.into_branch(whole),
        ))
    }

    fn answers((a, b, c, d, e, f, g): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b, c, d, e, f, g]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute, F: AnyRoute, G: AnyRoute> Routes
    for (A, B, C, D, E, F, G)
{
    fn names(&self) -> Vec<&str> {
        vec![
            self.0.route_name(),
            self.1.route_name(),
            self.2.route_name(),
            self.3.route_name(),
            self.4.route_name(),
            self.5.route_name(),
            self.6.route_name(),
        ]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute, F: AnyRoute, G: AnyRoute, H: AnyRoute>
    Scatter for (A, B, C, D, E, F, G, H)
{
    type Branches = (
        BranchOf<A>,
        BranchOf<B>,
        BranchOf<C>,
        BranchOf<D>,
        BranchOf<E>,
        BranchOf<F>,
        BranchOf<G>,
        BranchOf<H>,
    );

    #[inline]
    fn scatter(self, whole: &Whole<'_>) -> Scattered<Self::Branches> {
        Scattered::Branches((
            self.0.into_branch(whole),
            self.1.into_branch(whole),
            self.2.into_branch(whole),
            self.3.into_branch(whole),
            self.4.into_branch(whole),
            self.5.into_branch(whole),
            self.6.into_branch(whole),
            self.7.into_branch(whole),
        ))
    }

    fn answers((a, b, c, d, e, f, g, h): ValuesOf<Self>) -> Vec<Answer> {
        vec![a, b, c, d, e, f, g, h]
    }
}

impl<A: AnyRoute, B: AnyRoute, C: AnyRoute, D: AnyRoute, E: AnyRoute, F: AnyRoute, G: AnyRoute, H: AnyRoute>
    Routes for (A, B, C, D, E, F, G, H)
{
    fn names(&self) -> Vec<&str> {
        vec![
            self.0.route_name(),
            self.1.route_name(),
            self.2.route_name(),
            self.3.route_name(),
            self.4.route_name(),
            self.5.route_name(),
            self.6.route_name(),
            self.7.route_name(),
        ]
    }
}
