"""Writes the tasks-* directories: small variants of ../../../testdata/oracle/task_metrics.csv and what
the notebook's own statements give for them (pandas 1.5.3, numpy 1.24.2, scipy 1.10.1, matplotlib 3.6.3).

    python3 make_tasks.py
"""
import json,math,os,warnings
import numpy as np, pandas as pd
from scipy import stats
import matplotlib; matplotlib.use('Agg')
import matplotlib.pyplot as plt
from matplotlib import cbook
warnings.simplefilter('ignore'); np.seterr(all='ignore')
HERE=os.path.dirname(os.path.abspath(__file__))
def clean(o):
    if isinstance(o,dict): return {str(k):clean(v) for k,v in o.items()}
    if isinstance(o,(list,tuple,np.ndarray)): return [clean(v) for v in o]
    if isinstance(o,(np.integer,)): return int(o)
    if isinstance(o,(float,np.floating)):
        f=float(o); return f if math.isfinite(f) else None
    if isinstance(o,(np.bool_,)): return bool(o)
    return o
def run(d):
    df=pd.read_csv(d+'/task_metrics.csv',float_precision='round_trip',parse_dates=['submit_time','completion_time'])
    df['total_time_secs']=df['wait_time_secs']+df['execution_secs']
    out={}
    s=df.groupby(['config_id','engine','nodes','cores']).agg({'execution_secs':['mean','std','min','max','count'],'wait_time_secs':['mean','std'],'status':lambda x:(x=='SUCCESS').mean()*100})
    s.columns=['execution_secs_mean','execution_secs_std','execution_secs_min','execution_secs_max','execution_secs_count','wait_time_secs_mean','wait_time_secs_std','success_rate_pct']
    r4=s.round(4)
    rows=[]
    for (k,row),(_,q) in zip(s.iterrows(),r4.iterrows()):
        rows.append(dict(config_id=k[0],engine=k[1],nodes=k[2],cores=k[3],**row.to_dict(),rounded_4=q.to_dict()))
    out['1_summary']=dict(n_records=len(df),summary=rows)
    td=[]
    for c in df['config_id'].unique():
        x=df[df['config_id']==c]; n=len(x); ok=(x['status']=='SUCCESS').sum(); tot=x['execution_secs'].sum()
        wall=(x['completion_time'].max()-x['submit_time'].min()).total_seconds()
        td.append(dict(config_id=c,engine=x['engine'].iloc[0],nodes=x['nodes'].iloc[0],cores=x['cores'].iloc[0],total_tasks=n,successful_tasks=ok,wall_clock_time=wall,total_exec_time=tot,throughput_tasks_per_sec=(n/wall if wall!=0 else float('nan')),avg_exec_time=x['execution_secs'].mean(),success_rate=ok/n*100))
    t=pd.DataFrame(td); t['efficiency']=t['throughput_tasks_per_sec']/t['cores']
    colors=['steelblue' if e=='dask' else 'coral' for e in t['engine']]
    bars=[dict(label=f"{r['engine']}\n{r['nodes']}N/{r['cores']}C",throughput=r['throughput_tasks_per_sec'],value_label=f"{r['throughput_tasks_per_sec']:.1f}",efficiency=r['efficiency'],color=c) for (_,r),c in zip(t.iterrows(),colors)]
    lines={e.upper():t[t['engine']==e][['cores','throughput_tasks_per_sec']].values.tolist() for e in t['engine'].unique()}
    cores=t['cores'].unique(); base=t['throughput_tasks_per_sec'].min(); ideal=base*cores/cores.min()
    m=['throughput_tasks_per_sec','efficiency','success_rate']; mx=t[m].max()
    sc={e:{k:t[t['engine']==e][k].mean()/mx[k] for k in m} for e in ('dask','ray')}
    out['2_throughput']=dict(table=t.to_dict('records'),chart_bars=bars,scaling_lines=lines,ideal_linear=dict(cores=sorted(cores),throughput=sorted(ideal)),engine_comparison_normalised=sc)
    ps=[50,75,90,95,99]; la=[]; box=[]; 
    for c in df['config_id'].unique():
        x=df[df['config_id']==c]; row=dict(config_id=c,engine=x['engine'].iloc[0],cores=x['cores'].iloc[0])
        for p in ps:
            row[f'exec_p{p}']=np.percentile(x['execution_secs'],p); row[f'wait_p{p}']=np.percentile(x['wait_time_secs'],p); row[f'total_p{p}']=np.percentile(x['total_time_secs'],p)
        la.append(row)
        v=x['execution_secs'].values; b=cbook.boxplot_stats(v)[0]
        box.append(dict(config_id=c,label=f"{row['engine']}\n{row['cores']}C",n=len(v),whislo=b['whislo'],q1=b['q1'],med=b['med'],q3=b['q3'],whishi=b['whishi'],iqr=b['iqr'],mean=b['mean'],outlier_count=len(b['fliers']),outliers=sorted(b['fliers']),n_nan=int(np.isnan(v).sum())))
    l=pd.DataFrame(la)
    out['3_latency']=dict(table=l.to_dict('records'),exec_boxplot=box,printed_p50=[f"  {r['engine']}-{r['cores']}C: Wait={r['wait_p50']:.3f}s, Exec={r['exec_p50']:.3f}s, Total={r['total_p50']:.3f}s" for _,r in l.iterrows()],
      median_breakdown=[dict(config_id=r['config_id'],wait_p50=r['wait_p50'],exec_p50=r['exec_p50'],stack_top=r['wait_p50']+r['exec_p50'],true_total_p50=r['total_p50']) for r in la])
    dk=df[df['engine']=='dask']['execution_secs']; ry=df[df['engine']=='ray']['execution_secs']
    if len(dk) and len(ry):
        ts,tp=stats.ttest_ind(dk,ry); us,up=stats.mannwhitneyu(dk,ry)
        ties=len(np.unique(np.concatenate([dk,ry])))<len(dk)+len(ry)
        side=lambda x:dict(n=len(x),mean=x.mean(),median=x.median(),std=x.std(),min=x.min(),max=x.max(),p99=np.percentile(x,99))
        cmp=dict(table=dict(dask=side(dk),ray=side(ry)),t_test=dict(kind='Student pooled-variance, two-sided',statistic=ts,pvalue=tp,df=len(dk)+len(ry)-2,display=f"T-test p-value: {tp:.4e}"),
          mann_whitney=dict(U_dask=us,U_ray=len(dk)*len(ry)-us,pvalue=up,ties=ties,display=f"Mann-Whitney U p-value: {up:.4e}"),conclusion='Significant difference' if tp<0.05 else 'No significant difference')
        if not ties and not dk.isna().any() and not ry.isna().any(): cmp['mann_whitney']['method']='exact' if (len(dk)<=8 or len(ry)<=8) else 'asymptotic'
        f=[('Mean Execution Time','mean'),('Median Execution Time','median'),('Std Deviation','std'),('Min','min'),('Max','max'),('99th Percentile','p99')]
        cmp['table_display']=[[n,f"{cmp['table']['dask'][k]:.4f}s",f"{cmp['table']['ray'][k]:.4f}s"] for n,k in f]
        fig,ax=plt.subplots()
        H={};C={};V={}
        for n,x in (('dask',dk),('ray',ry)):
            c_,e_,_=ax.hist(x,bins=30)
            d_,_,_=ax.hist(x,bins=30,density=True)
            H[n]=dict(counts=[int(v) for v in c_],density=d_,edges=e_,mean_line=x.mean())
            C[n]=dict(x=np.sort(x),y=np.linspace(0,1,len(x)))
            if not x.isna().any():
                def kde(X,coords):
                    if np.all(X[0]==X): return (X[0]==coords).astype(float)
                    return stats.gaussian_kde(X)(coords) if len(X)>1 else None
                vs=cbook.violin_stats(x.values,kde)[0]
                V[n]=dict(coords=vs['coords'],kde=vs['vals'],half_width=0.25*vs['vals']/vs['vals'].max(),mean=vs['mean'],median=vs['median'],min=vs['min'],max=vs['max'])
        plt.close(fig)
        cmp.update(histogram=H,cdf=C,violin=V)
        tc=t.groupby('engine').agg({k:'mean' for k in m})
        cmp['by_engine']={e:dict(throughput_tasks_per_sec=r['throughput_tasks_per_sec'],efficiency=r['efficiency'],efficiency_x1000=r['efficiency']*1000,success_rate=r['success_rate']) for e,r in tc.iterrows()}
        cmp['summary_chart']={e:{'Throughput':tc.loc[e,m[0]]/t[m[0]].max(),'Efficiency':tc.loc[e,m[1]]/t[m[1]].max(),'Success Rate':tc.loc[e,m[2]]/100,'Low Latency':1-x.mean()/df['execution_secs'].max()} for e,x in (('dask',dk),('ray',ry)) if e in tc.index}
        w,wp=stats.ttest_ind(dk,ry,equal_var=False)
        cmp['extra']=dict(welch=dict(statistic=w,pvalue=wp,mean_diff_dask_minus_ray=dk.mean()-ry.mean() if not (dk.isna().any() or ry.isna().any()) else None),vargha_delaney_A_dask_gt_ray=us/(len(dk)*len(ry)),rank_biserial=2*us/(len(dk)*len(ry))-1)
        out['6_comparison']=cmp
    b=t.loc[t['throughput_tasks_per_sec'].idxmax()]
    out['6_benchmark_summary']=dict(total_benchmarks=len(df),configurations=df['config_id'].nunique(),config_id=b['config_id'],engine=b['engine'].upper(),nodes=b['nodes'],cores=b['cores'],throughput=b['throughput_tasks_per_sec'],throughput_display=f"{b['throughput_tasks_per_sec']:.2f} tasks/sec")
    json.dump(clean(out),open(d+'/expected.json','w'))
def make(name,fn):
    d=os.path.join(HERE,'tasks-'+name); os.makedirs(d,exist_ok=True)
    df=pd.read_csv(os.path.join(HERE,'..','..','..','testdata','oracle','task_metrics.csv'),float_precision='round_trip')
    rng=np.random.default_rng(sum(map(ord,name)))
    fn(df,rng).to_csv(d+'/task_metrics.csv',index=False); run(d)
def few(df,n=12): return df.groupby('config_id').head(n).reset_index(drop=True)
def nan(df,r): df=few(df); df.loc[[3,17],'execution_secs']=np.nan; df.loc[5,'wait_time_secs']=np.nan; return df
def ties(df,r): df=few(df); df['execution_secs']=df['execution_secs'].round(1); return df.sample(frac=1,random_state=3)
def exact(df,r): return pd.concat([df[df.config_id==0].head(5),df[df.config_id==2].sample(7,random_state=2)])
def third(df,r): df=few(df); df.loc[df.config_id==3,'engine']='parsl'; return df
def strings(df,r): df=few(df); df['config_id']=df['config_id'].map({0:'zeta',1:'alpha',2:'Beta',3:'10'}); return df.sample(frac=1,random_state=1)
def mixed(df,r): df=few(df); df.loc[df.index%3==0,'cores']=99; df.loc[df.index%7==0,'nodes']=5; return df.sample(frac=1,random_state=9)
def failed(df,r): df=few(df); df['status']='FAILED'; return df
def times(df,r): df=few(df); df.loc[[2,20],'completion_time']=np.nan; df.loc[[4,40],'status']=np.nan; df.loc[df.config_id==2,'completion_time']=np.nan; return df
def cores(df,r): df=few(df); df.loc[df.index[-5:],'cores']=np.nan; return df
def each(df,r): return pd.concat([df[df.config_id<=1].head(1),df[df.config_id==2].head(1)])
def equal(df,r): df=few(df); df['execution_secs']=0.5; return df
for f in (nan,ties,exact,third,strings,mixed,failed,times,cores,each,equal): make(f.__name__,f)
