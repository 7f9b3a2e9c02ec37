//! The client of tonic. Arguments and output are those of grpc-js.mjs, without `loop`: it does not wait for a connection.

use bytes::{Buf, BufMut};
use serde_json::json;
use std::time::Duration;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status, client::Grpc, transport::Endpoint};

/// Sends and receives messages as they are.
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Text;
    type Decoder = Text;

    fn encoder(&mut self) -> Text {
        Text
    }

    fn decoder(&mut self) -> Text {
        Text
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, value: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(value.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let endpoint = Endpoint::from_shared(format!("http://{}", args[1])).unwrap();
    let mut request = Request::new("hello".to_string());
    request.set_timeout(Duration::from_millis(args[3].parse().unwrap()));
    let path = args[2].parse().unwrap();
    let mut client = Grpc::new(endpoint.connect_lazy());
    let mut messages = vec![];
    let mut end = Ok(());
    if let Err(error) = client.ready().await {
        end = Err(Status::unknown(error.to_string()));
    } else if args[4] == "unary" {
        match client.unary(request, path, Text).await {
            Ok(response) => messages.push(response.into_inner()),
            Err(status) => end = Err(status),
        }
    } else {
        match client.server_streaming(request, path, Text).await {
            Ok(response) => {
                let mut stream = response.into_inner();
                loop {
                    match stream.message().await {
                        Ok(Some(message)) => messages.push(message),
                        Ok(None) => break,
                        Err(status) => {
                            end = Err(status);
                            break;
                        }
                    }
                }
            }
            Err(status) => end = Err(status),
        }
    }
    let (code, text) = match end {
        Ok(()) => (0, String::new()),
        Err(status) => (status.code() as i32, status.message().to_string()),
    };
    println!("{}", json!({ "code": code, "text": text, "messages": messages }));
}
