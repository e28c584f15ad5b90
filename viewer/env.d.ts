/** What Vite makes of a worker that is put inside the page. */
declare module '*?worker&inline' {
  const Maker: new (options?: { readonly name?: string }) => Worker;
  export default Maker;
}
declare module '*.css' {}
/** What `node/zoo.ts` makes: the bugs, and the program with which they are run, packed. */
declare module 'virtual:zoo' {
  export const BUGS: readonly import('./lab/zoo.ts').Bug[];
  export const PACKED: string;
}
