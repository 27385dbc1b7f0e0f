import { memory } from '@cashews/backend-memory'
import { LRUCache } from 'lru-cache'
const keys = Array.from({ length: 10000 }, (_, at) => ['user', at].join(':'))
for (let i=keys.length-1;i>0;i--){const j=Math.floor(Math.random()*(i+1));[keys[i],keys[j]]=[keys[j]!,keys[i]!]}
const bench = (name: string, f: () => void) => { for (let i=0;i<60;i++) f(); const t:number[]=[]; for(let r=0;r<60;r++){const s=process.hrtime.bigint(); for(let i=0;i<100;i++)f(); t.push(Number(process.hrtime.bigint()-s)/100/10000)} t.sort((a,b)=>a-b); console.log(name.padEnd(30), (t[5] as number).toFixed(1), (t[30] as number).toFixed(1)) }
const u={id:1,name:'Ada',email:'a@b.c',age:36,active:true,score:1.5}
const s = memory({ isolation: 'none' }); s.open({removed(){},error(){}}); for (let i=0;i<10000;i++) s.set(['user',i].join(':'),u,3600000)
const l = new LRUCache<string,object>({max:10000,ttl:3600000}); for (let i=0;i<10000;i++) l.set(['user',i].join(':'),u)
const m = new Map(keys.map((k,i)=>[k,i]))
let x=0
bench('map', () => { for (const k of keys) x+=m.get(k)! })
bench('memory get', () => { for (const k of keys) s.get(k) })
bench('lru get', () => { for (const k of keys) l.get(k) })
bench('Date.now', () => { for (const k of keys) x+=Date.now() })
bench('perf.now', () => { for (const k of keys) x+=performance.now() })
bench('memory set', () => { for (let i=0;i<10000;i++) s.set(['user',i].join(':'),u,3600000) })
bench('memory set forever', () => { for (const k of keys) s.set(k,u,Infinity) })
bench('lru set', () => { for (const k of keys) l.set(k,u) })
process.exit()
