//! Why a key, or a set of keys, is not accepted.

/// Why a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It cannot be read: not PEM, DER or JWK of a public key, a point that is not on its curve, an even exponent.
    #[error("malformed key")]
    Malformed,
    /// The algorithm is not one of this kind of key, or none is named where one has to be.
    #[error("the algorithm is not one of this key")]
    WrongAlgorithm,
    /// A kind of key, or a curve, for which there is no algorithm here.
    #[error("key type not supported")]
    Unsupported,
    /// RSA below 2048 or above 8192 bits, a secret shorter than its hash, an Ed25519 point of small order.
    #[error("key too weak or too large")]
    Weak,
    /// A private key, where a public one belongs: whoever published it lost it.
    #[error("private key")]
    Private,
    /// The text of a public key was given as a secret.
    #[error("public key given as a secret")]
    PublicText,
    /// A secret in a document that is fetched.
    #[error("symmetric key")]
    Symmetric,
    /// `use` or `key_ops` say that it does not verify signatures (RFC 7517 §4.2, §4.3).
    #[error("key is not for verification")]
    NotForVerification,
    /// Another key has the same `kid` and algorithm.
    #[error("duplicate key")]
    Duplicate,
    /// No key could be made.
    #[error("key could not be generated")]
    NotGenerated,
}

/// Why a JWK Set is not accepted as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Longer than is accepted.
    #[error("JWK Set of more than {limit} bytes")]
    TooLarge {
        /// The greatest length that is accepted, in bytes.
        limit: usize,
    },
    /// Not a JSON object with one array `keys` (RFC 7517 §5).
    #[error("malformed JWK Set")]
    Malformed,
    /// More keys than are accepted.
    #[error("JWK Set of more than {limit} keys")]
    TooManyKeys {
        /// The greatest number that is accepted.
        limit: usize,
    },
}
