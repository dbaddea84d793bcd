/*!
The APIs of certificate services, without a transport: a request in, a response out.

Who serves one reads an [`ApiRequest`] off a connection, as large as they allow, and writes the
[`ApiResponse`] back. A request says who sent it by a signature, which [`Credentials`] hold the secrets
for.
*/

#[cfg(feature = "api-aws")]
mod credentials;
mod message;
#[cfg(feature = "api-aws")]
mod query;
#[cfg(test)]
#[cfg(feature = "api-aws")]
mod sample;
#[cfg(feature = "api-aws")]
mod signature;
#[cfg(feature = "api-aws")]
mod sigv4;
#[cfg(feature = "api-aws")]
mod unauthenticated;

pub use self::message::{ApiRequest, ApiResponse};
#[cfg(feature = "api-aws")]
pub use self::sigv4::SigV4;
#[cfg(feature = "api-aws")]
pub use self::{
    credentials::{Credential, Credentials, CredentialsError, StaticCredentials},
    unauthenticated::Unauthenticated,
};
