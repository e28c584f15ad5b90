/** What Vite makes of a worker that is put inside the page. */
declare module '*?worker&inline' {
  const Maker: new (options?: { readonly name?: string }) => Worker;
  export default Maker;
}
declare module '*.css' {}
