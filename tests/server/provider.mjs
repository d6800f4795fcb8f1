// A provider of identities on a free port: node provider.mjs PATH_OF_OIDC_PROVIDER SECRET. It prints its issuer.
// Whoever signs in is who they say they are; a word before a dash is their group, as in `auditors-ada`.
import { createServer } from "node:http";

const [, , library, secret] = process.argv;
const { Provider } = await import(library);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "cognify",
        client_secret: secret,
        application_type: "native", // any port of this machine
        redirect_uris: ["http://127.0.0.1/login/callback"],
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "groups"], email: ["email", "email_verified"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: `Person ${id} <b>\u202e`, groups: [id.split("-")[0]], email: `${id}@example.org` }),
    }),
    pkce: { required: () => true },
    cookies: { keys: ["a test"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
