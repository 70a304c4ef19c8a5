// A web server for pods that have nothing but busybox: a shell script behind
// `nc`, which tells what it was asked, redirects, streams and speaks a little
// WebSocket. Mounted from a ConfigMap.
import { images } from './engine.ts';

const script = `
# One HTTP request on stdin, its answer on stdout.
cr=$(printf '\\r')
read -r method target version
headers= length=0 key= chunked=
while read -r line; do
  line=\${line%"$cr"}
  [ -z "$line" ] && break
  headers="$headers$line
"
  case $(echo "\${line%%:*}" | tr A-Z a-z) in
    content-length) length=\${line#*: };;
    sec-websocket-key) key=\${line#*: };;
    transfer-encoding) chunked=yes;;
  esac
done
body=/tmp/body.$$
: > $body
if [ -n "$chunked" ]; then
  while read -r size && [ "\${size%"$cr"}" != 0 ]; do
    dd bs=1 count=$((0x\${size%"$cr"})) >> $body 2>/dev/null
    read -r line
  done
elif [ "$length" != 0 ]; then head -c "$length" > $body
fi
begin() {
  printf 'HTTP/1.1 %s\\r\\nConnection: close\\r\\nX-Method: %s\\r\\n' "$1" "$method"
  shift
  for header in "$@"; do printf '%s\\r\\n' "$header"; done
  printf '\\r\\n'
}
case $target in
/echo*)
  { echo "$method $target"; echo "$headers"; cat $body; } > $body.answer
  begin '200 OK' 'Content-Type: text/plain' "Content-Length: $(stat -c %s $body.answer)"
  [ "$method" = HEAD ] || cat $body.answer;;
/count) begin '200 OK' 'Content-Type: text/plain'; sha256sum < $body | cut -d' ' -f1;;
/redirect) begin '302 Found' 'Location: /target?x=1' 'Content-Length: 0';;
/elsewhere) begin '302 Found' 'Location: http://example.com/there' 'Content-Length: 0';;
/page) begin '200 OK' 'Content-Type: text/html'; echo '<html><body><a href="/rewriteme">test</a></body></html>';;
/status/*) begin "\${target#/status/} Told" 'Content-Length: 5'; printf told.;;
/big) begin '200 OK' 'Content-Type: application/octet-stream' 'Content-Length: 20971520'; cat /tmp/big;;
/stream)
  begin '200 OK' 'Content-Type: text/plain'
  echo first
  until [ -e /tmp/more ]; do sleep 0.1; done
  echo second;;
/socket)
  accept=$(printf '%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11' "$key" | sha1sum | cut -d' ' -f1 | xxd -r -p | base64)
  printf 'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n'
  printf 'Sec-WebSocket-Accept: %s\\r\\n\\r\\n' "$accept"
  printf '\\201\\005hello'
  # A text frame of four bytes: two of header, four of mask, four masked.
  frame=$(head -c 10 | xxd -p)
  printf '\\201\\004'
  for at in 1 2 3 4; do
    mask=$(echo $frame | cut -c $((at * 2 + 3))-$((at * 2 + 4)))
    byte=$(echo $frame | cut -c $((at * 2 + 11))-$((at * 2 + 12)))
    printf "\\\\x$(printf %02x $((0x$mask ^ 0x$byte)))"
  done
  printf '\\210\\000'
  cat > /dev/null;;
*) begin '404 Not Found' 'Content-Length: 5'; printf none.;;
esac
rm -f $body $body.answer
`;

/** A pod that serves on port 8080, and the ConfigMap that it needs. */
export function webServer(name: string, spec: Record<string, unknown> = {}): object[] {
  const start = 'head -c 20971520 /dev/urandom > /tmp/big; exec nc -ll -p 8080 -e sh /srv/serve';
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${name}-server` }, data: { serve: script } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'main',
            image: images.one,
            command: ['sh', '-c', start],
            ports: [{ name: 'web', containerPort: 8080 }],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
            volumeMounts: [{ name: 'server', mountPath: '/srv' }],
          },
        ],
        volumes: [{ name: 'server', configMap: { name: `${name}-server` } }],
        ...spec,
      },
    },
  ];
}
