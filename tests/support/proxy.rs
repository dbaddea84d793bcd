//! A network that fails at the worst moment, between a store and PostgreSQL.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What happens to the message to the server that has a text in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The connection is cut before the message gets there.
    CutBefore,
    /// The message gets there, and the connection is cut when the server answers.
    CutAfter,
    /// Nothing gets there any more, and nobody hears of it.
    Silence,
    /// The server is asked for nonsense instead.
    Garble,
}

/// Passes on what is said, but for the mishaps to come, each of which happens once and in turn.
pub struct Proxy {
    address: SocketAddr,
    mishaps: Mishaps,
}

type Mishaps = Arc<Mutex<Vec<(&'static str, Mishap)>>>;

impl Proxy {
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, server) = (listener.local_addr().unwrap(), server.to_owned());
        let mishaps = Mishaps::default();
        let shared = Arc::clone(&mishaps);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let mishaps = Arc::clone(&shared);
                thread::spawn(move || carry(client, server, &mishaps));
            }
        });
        Self { address, mishaps }
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn plan(&self, mishaps: &[(&'static str, Mishap)]) {
        *self.mishaps.lock().unwrap() = mishaps.to_vec();
    }

    /// Whether all mishaps happened.
    pub fn is_done(&self) -> bool {
        self.mishaps.lock().unwrap().is_empty()
    }
}

/// Carries messages both ways until one side hangs up.
fn carry(client: TcpStream, server: TcpStream, mishaps: &Mishaps) {
    let doomed = Arc::new(Mutex::new(false));
    let back = {
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let doomed = Arc::clone(&doomed);
        thread::spawn(move || {
            let mut octets = [0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut octets) {
                if *doomed.lock().unwrap() || to.write_all(&octets[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        })
    };
    let _ = forth(&client, &server, mishaps, &doomed);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
    let _ = client.shutdown(Shutdown::Both);
}

/// Carries what the client says, message by message.
fn forth(
    mut client: &TcpStream,
    mut server: &TcpStream,
    mishaps: &Mishaps,
    doomed: &Mutex<bool>,
) -> io::Result<()> {
    // The first message has no kind before its length.
    let mut kind_length = 0;
    let mut is_silent = false;
    loop {
        let mut start = [0; 5];
        let start = &mut start[..kind_length + 4];
        client.read_exact(start)?;
        let length = u32::from_be_bytes(*start.last_chunk().unwrap()) as usize;
        let mut message = vec![0; length - 4];
        client.read_exact(&mut message)?;
        let mut mishaps = mishaps.lock().unwrap();
        let is_due = mishaps.first().is_some_and(|(text, _)| {
            message.windows(text.len()).any(|window| window == text.as_bytes())
        });
        let mishap = is_due.then(|| mishaps.remove(0).1);
        drop(mishaps);
        match mishap {
            Some(Mishap::CutBefore) => return Ok(()),
            Some(Mishap::Silence) => is_silent = true,
            Some(Mishap::Garble) => message.iter_mut().take(length - 5).for_each(|it| *it = b'?'),
            Some(Mishap::CutAfter) => *doomed.lock().unwrap() = true,
            None => {}
        }
        if is_silent {
            continue;
        }
        server.write_all(&[&*start, &message].concat())?;
        kind_length = 1;
    }
}
