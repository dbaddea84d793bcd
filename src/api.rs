/*!
The APIs of certificate services, without a transport: a request in, a response out.

Who serves one reads an [`ApiRequest`] off a connection, as large as they allow, and writes the
[`ApiResponse`] back. A request says who sent it by a signature, which [`Credentials`] hold the secrets
for; of ACME only the payload comes here, from a server that has verified its JWS.
*/

#[cfg(feature = "api-acme")]
mod acme;
#[cfg(feature = "api-alibaba")]
mod acs;
#[cfg(feature = "api-alibaba")]
mod alibaba;
#[cfg(feature = "api-aws")]
mod aws;
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
mod credentials;
mod message;
#[cfg(feature = "api-alibaba")]
mod parameters;
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
mod query;
#[cfg(test)]
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
mod sample;
mod service;
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
mod signature;
#[cfg(feature = "api-aws")]
mod sigv4;
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
mod unauthenticated;

#[cfg(feature = "api-acme")]
pub use self::acme::{AcmeApi, AcmeIdentifier, AcmeSigner};
#[cfg(feature = "api-alibaba")]
pub use self::{acs::AcsSignature, alibaba::AlibabaApi, parameters::Parameters};
#[cfg(feature = "api-aws")]
pub use self::{
    aws::{
        AuditReport, AuditReportStatus, AuditReports, AuditReportsError, AwsApi, BadArn, CaArn,
        FoundAuditReport,
    },
    sigv4::SigV4,
};
#[cfg(any(feature = "api-aws", feature = "api-alibaba"))]
pub use self::{
    credentials::{Credential, Credentials, CredentialsError, StaticCredentials},
    unauthenticated::Unauthenticated,
};
pub use self::{
    message::{ApiRequest, ApiResponse},
    service::{Service, StepError},
};
