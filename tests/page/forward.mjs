// forward.mjs: lets a browser reach a server that listens on a Unix socket: a TCP port of this machine, byte for byte.
//
//   node forward.mjs SOCKET [PORT]      or   const forward = await listen(socket); forward.port; await forward.close()
import net from 'node:net';
import {pathToFileURL} from 'node:url';

export function listen(socket, port = 0) {
  const open = new Set();
  const server = net.createServer({allowHalfOpen: true}, client => {
    const inner = net.connect({path: socket, allowHalfOpen: true});
    for (const [one, other] of [[client, inner], [inner, client]]) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => { open.delete(one); if (one.readableEnded) other.end(); else other.destroy(); });
    }
  });
  const close = () => new Promise(resolve => {
    server.close(resolve);
    for (const one of open) one.destroy();
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', () => resolve({port: server.address().port, close}));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] || '').href) {
  const forward = await listen(process.argv[2], Number(process.argv[3] || 0));
  console.log(`http://127.0.0.1:${forward.port}/`);
}
